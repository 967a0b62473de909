"""The least that an ASGI server can be asked to do: constant bytes, chosen by path, or by a field of a posted form."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from bench.answers import BY_GRANT_TYPE, BY_PATH, CONTENT_TYPE, FORM_PATH

Message = MutableMapping[str, Any]

Receive = Callable[[], Awaitable[Message]]


def _messages(answer: bytes) -> tuple[Message, Message]:
    headers = [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", str(len(answer)).encode()),
    ]
    return (
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": answer},
    )


_BY_PATH = {path: _messages(answer) for path, answer in BY_PATH.items()}
_BY_GRANT_TYPE = {name: _messages(answer) for name, answer in BY_GRANT_TYPE.items()}


async def _form(receive: Receive) -> dict[str, str]:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return dict(parse_qsl(body.decode()))


async def app(scope: Message, receive: Receive, send: Callable[[Message], Awaitable[None]]) -> None:
    """Send the bytes that belong to the path, or to the form's grant type."""
    if scope["path"] == FORM_PATH:
        start, body = _BY_GRANT_TYPE[(await _form(receive))["grant_type"]]
    else:
        start, body = _BY_PATH[scope["path"]]
    await send(start)
    await send(body)
