"""The MCP server over HTTP: one endpoint, and the metadata that says who makes its tokens (RFC 9728)."""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import JSON, NO_STORE, Call, Reply, Route, Shape, Source
from lingpai.issuer.samples import SampleServer
from lingpai.sample_app.browsers import Browsers
from lingpai.sample_app.mcp.messages import (
    INTERNAL,
    INVALID_REQUEST,
    PARSE_ERROR,
    VERSIONS,
    Message,
    answer,
)
from lingpai.sample_app.mcp.tokens import TokenVerifier
from lingpai.sample_app.params import NoParams

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
_SERVER_ERROR: Final = 500
_CHALLENGES: Final = {
    Kind.LOGIN_REQUIRED: (401, ""),
    Kind.INVALID_ACCESS_TOKEN: (401, 'error="invalid_token", '),
    Kind.INSUFFICIENT_SCOPE: (403, 'error="insufficient_scope", '),
}
"""Statuses, and what their challenges say first (RFC 6750 §3.1)."""


class McpShape(Shape):
    """Errors as JSON-RPC messages; refusals of tokens come with a challenge that names the metadata.

    Args:
        metadata: its address.
        scope: what a token needs.
    """

    def __init__(self, metadata: str, scope: str) -> None:
        self._about = f'resource_metadata="{metadata}", scope="{scope}"'

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id
        return Reply(msgspec.json.encode(value), 200, JSON)

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        status, first = _CHALLENGES.get(error.kind, (error.kind.status, ""))
        code = PARSE_ERROR if error.kind is Kind.MALFORMED_BODY else INVALID_REQUEST
        if status >= _SERVER_ERROR:
            code = INTERNAL
        text = f"{error.reason} ({trace_id})"
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": text}})
        challenge = ("www-authenticate", f"Bearer {first}{self._about}")
        return Reply(body, status, JSON, (NO_STORE, challenge) if error.kind in _CHALLENGES else (NO_STORE,))


class McpServer:
    """The endpoint.

    Args:
        origin: of its address; pages of other origins may not call it.
        tokens: verifies access tokens.
    """

    def __init__(self, origin: str, tokens: TokenVerifier) -> None:
        self._origin = origin
        self._tokens = tokens

    async def post(self, message: Message, call: Call) -> Reply:
        """Answer a request with JSON, a notification with 202 (MCP, "Streamable HTTP")."""
        if call.header("origin") not in {None, self._origin}:
            raise LingpaiError(Kind.ADDRESS_NOT_ALLOWED, "Pages of other origins may not call.")
        caller = await self._tokens.verify(call.bearer)
        if call.header("mcp-protocol-version") not in {None, *VERSIONS}:
            raise LingpaiError(Kind.INVALID_PARAMETER, f"The revisions are {', '.join(VERSIONS)}.")
        if message.id is None:
            return Reply(b"", 202, "")
        return Reply(msgspec.json.encode(answer(message, caller)), 200, JSON)


def mcp_routes(server: SampleServer, address: str, issuer: str, browsers: Browsers) -> tuple[Route, ...]:
    """Return the routes of the server.

    Args:
        server: what is declared of it.
        address: its own.
        issuer: issuer identifier of the realm that makes its tokens.
        browsers: has the HTTP client.
    """
    parts = urlsplit(address)
    origin, metadata = f"{parts.scheme}://{parts.netloc}", WELL_KNOWN + server.path
    shape = McpShape(origin + metadata, server.scope)
    endpoint = McpServer(origin, TokenVerifier(issuer, address, server.scope, browsers))
    document = msgspec.json.encode(
        {
            "resource": address,
            "authorization_servers": [issuer],
            "scopes_supported": [server.scope],
            "bearer_methods_supported": ["header"],
            "resource_name": "Lingpai 令牌 sample",
        }
    )

    async def show(_params: NoParams, _call: Call) -> Reply:
        return Reply(document, 200, JSON)

    return (
        Route(("POST",), server.path, Message, Source.JSON, endpoint.post, shape, "MCP", Reply, "sample"),
        Route(
            ("GET",), metadata, NoParams, Source.QUERY, show, shape, "Who makes its tokens", Reply, "sample"
        ),
    )
