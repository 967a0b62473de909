"""Reaches an MCP server with the Python SDK, from nothing but its address; its user walks through the pages."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2  # type: ignore[import-not-found] # it is beside the environment
from mcp import ClientSession  # type: ignore[import-not-found] # likewise
from mcp.client.auth import OAuthClientProvider  # type: ignore[import-not-found] # likewise
from mcp.client.streamable_http import streamable_http_client  # type: ignore[import-not-found] # likewise
from mcp.shared.auth import (  # type: ignore[import-not-found] # likewise
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
)

from tests.clients.python.messages import answer, read_wanted
from tests.issuer.dialects import visitors


class Memory:
    """What a client of the SDK remembers."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.tokens: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return self.client

    async def set_client_info(self, client: Any) -> None:
        self.client = client


async def use(wanted: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        "client_name": "MCP client",
        "redirect_uris": [wanted["redirect_uri"]],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    }
    given = wanted["client"]
    storage = Memory(OAuthClientInformationFull(**metadata, **given) if given else None)
    visitors.PASSWORD = wanted["password"]  # of `make run`
    seen: list[dict[str, list[str]]] = []

    async def walk(url: str) -> None:
        async with visitors.visiting(wanted["login"]) as visitor:
            seen.append(parse_qs(urlsplit(url).query))
            location = (await visitor.walk(url)).headers["Location"]
            seen.append(parse_qs(urlsplit(location).query))

    async def back() -> Any:
        found = {name: values[0] for name, values in seen[-1].items()}
        return AuthorizationCodeResult(code=found["code"], state=found["state"], iss=found["iss"])

    auth = OAuthClientProvider(
        server_url=wanted["server"],
        client_metadata=OAuthClientMetadata(**metadata),
        storage=storage,
        redirect_handler=walk,
        callback_handler=back,
        client_metadata_url=wanted["document"],
    )
    async with (
        httpx2.AsyncClient(auth=auth) as http,
        streamable_http_client(wanted["server"], http_client=http) as (read, write),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = [each.name for each in (await session.list_tools()).tools]
        whoami = (await session.call_tool("whoami", {})).structured_content
        refreshed, used = storage.tokens.refresh_token, storage.tokens.access_token
        auth.context.token_expiry_time = 1  # as an hour later
        await session.call_tool("echo", {"text": "令牌"})
    return {
        "tools": tools,
        "whoami": whoami,
        "asked": seen[0],
        "renewed": storage.tokens.access_token != used,
        "rotated": storage.tokens.refresh_token != refreshed,
        "client_id": storage.client.client_id,
    }


if __name__ == "__main__":
    answer(**asyncio.run(use(read_wanted())))
