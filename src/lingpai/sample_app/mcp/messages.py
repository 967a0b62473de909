"""JSON-RPC messages of the Model Context Protocol: what the server is, and its tools."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
"""Revisions of the protocol that are understood here, newest first."""
PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
"""Codes of errors (JSON-RPC 2.0 §5.1)."""
Json = dict[str, Any]


class Message(msgspec.Struct, kw_only=True):
    """A request, or a notification, which has no id and no answer."""

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | None = None
    params: Json | None = None


class RpcError(Exception):
    """An error in the answer; `args` are its code and text."""


class Caller(NamedTuple):
    """The caller, by the access token.

    Attributes:
        sub: the user, or the client itself.
        client_id: the client.
        scope: what the token allows.
    """

    sub: str
    client_id: str
    scope: str


class Tool(NamedTuple):
    """A tool: its description for models, the JSON Schema of its arguments, and what it returns."""

    description: str
    arguments: Json
    run: Callable[[Json, Caller], Json]


def _echo(arguments: Json, _caller: Caller) -> Json:
    text = arguments.get("text")
    if not isinstance(text, str):
        raise RpcError(INVALID_PARAMS, "The argument text is missing.")
    return {"text": text, "characters": len(text)}


TOOLS: Final[Mapping[str, Tool]] = {
    "whoami": Tool(
        "Tells who is logged in, and for which client.",
        {"type": "object", "properties": {}},
        lambda _arguments, caller: caller._asdict(),
    ),
    "echo": Tool(
        "Returns a text and counts its characters.",
        {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        _echo,
    ),
}


def answer(message: Message, caller: Caller) -> Json:
    """Return the answer to a request.

    Args:
        message: with an id.
        caller: who sent it.
    """
    head: Json = {"jsonrpc": "2.0", "id": message.id}
    try:
        return head | {"result": _METHODS.get(message.method, _refuse)(message.params or {}, caller)}
    except RpcError as error:
        code, text = error.args
        return head | {"error": {"code": code, "message": text}}


def _refuse(_params: Json, _caller: Caller) -> Json:
    raise RpcError(NO_METHOD, "There is no such method.")


def _initialize(params: Json, _caller: Caller) -> Json:
    wanted = params.get("protocolVersion")
    return {
        "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "lingpai-sample", "title": "Lingpai 令牌 sample", "version": "1"},
    }


def _list(_params: Json, _caller: Caller) -> Json:
    return {
        "tools": [
            {"name": name, "description": tool.description, "inputSchema": tool.arguments}
            for name, tool in TOOLS.items()
        ]
    }


def _call(params: Json, caller: Caller) -> Json:
    name, arguments = params.get("name"), params.get("arguments", {})
    tool = TOOLS.get(name) if isinstance(name, str) else None
    if tool is None or not isinstance(arguments, dict):
        raise RpcError(INVALID_PARAMS, "There is no such tool.")
    found = tool.run(arguments, caller)
    text = msgspec.json.encode(found).decode()
    return {"content": [{"type": "text", "text": text}], "structuredContent": found, "isError": False}


_METHODS: Final[Mapping[str, Callable[[Json, Caller], Json]]] = {
    "initialize": _initialize,
    "ping": lambda _params, _caller: {},
    "tools/list": _list,
    "tools/call": _call,
}
