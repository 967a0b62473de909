"""Calls of WeChat's API with the token put in, as a team would write it on FastAPI and httpx.

Not a straw man: one pooled client, the token in memory, one fetch at a time, no middleware, no access log. Settings
come from the environment: ``UPSTREAM_URL``, ``APPID`` and ``APP_SECRET``.
"""
# FastAPI and httpx live in the bench's own environment, where mypy does not look.
# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response

_MARGIN_S = 300
_KEPT = ("content-type", "content-disposition")


class Tokens:
    """The token of the one app."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._lock = asyncio.Lock()
        self._token = ""
        self._ends_at = 0.0

    async def current(self) -> str:
        """The token, fetched when it is about to end."""
        if time.monotonic() >= self._ends_at:
            async with self._lock:
                if time.monotonic() >= self._ends_at:
                    await self._fetch()
        return self._token

    async def _fetch(self) -> None:
        asked = {
            "grant_type": "client_credential",
            "appid": os.environ["APPID"],
            "secret": os.environ["APP_SECRET"],
        }
        answer = (await self._client.post("/cgi-bin/stable_token", json=asked)).json()
        self._token = answer["access_token"]
        self._ends_at = time.monotonic() + answer["expires_in"] - _MARGIN_S


@asynccontextmanager
async def lifespan(service: FastAPI) -> AsyncIterator[None]:
    """One pool for the upstream, as long as the service runs."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=os.environ["UPSTREAM_URL"], limits=limits) as client:
        service.state.client = client
        service.state.tokens = Tokens(client)
        yield


app = FastAPI(lifespan=lifespan)


@app.api_route("/cgi-bin/{path:path}", methods=["GET", "POST"])
async def forward(path: str, request: Request) -> Response:
    """Make the call and answer what the platform answers."""
    client = request.app.state.client
    query = {**request.query_params, "access_token": await request.app.state.tokens.current()}
    headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
    answer = await client.request(
        request.method, f"/cgi-bin/{path}", params=query, headers=headers, content=await request.body()
    )
    kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
    return Response(answer.content, answer.status_code, kept)
