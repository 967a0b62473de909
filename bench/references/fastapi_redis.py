"""Seed 003's hot routes as a team would write them on FastAPI, the token cached in Redis.

Not a straw man: one Redis connection pool, hiredis, no middleware, no access log. Settings come from the environment:
``REDIS_URL``, ``UPSTREAM_URL`` and ``THIRD_APPID_<appid>=<secret>``.
"""
# FastAPI and httpx live in the bench's own environment, where mypy does not look.
# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import redis.asyncio as redis
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

_MARGIN_S = 30


class Token(BaseModel):
    """What WeChat answers."""

    access_token: str
    expires_in: int


class Envelope(BaseModel):
    """What the original service answers."""

    code: int = 0
    msg: str = "success"
    data: Token
    trace_id: str


class UpstreamError(Exception):
    """The platform refused: its errcode and errmsg."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@asynccontextmanager
async def lifespan(service: FastAPI) -> AsyncIterator[None]:
    """One pool each for Redis and for the upstream, as long as the service runs."""
    service.state.cache = redis.Redis.from_url(os.environ["REDIS_URL"])
    async with httpx.AsyncClient(base_url=os.environ["UPSTREAM_URL"]) as client:
        service.state.client = client
        yield
    await service.state.cache.aclose()


app = FastAPI(lifespan=lifespan)


async def _fetch(request: Request, key: str, appid: str, secret: str) -> Token:
    now = time.time()
    query = {"grant_type": "client_credential", "appid": appid, "secret": secret}
    answer = await request.app.state.client.get("/cgi-bin/token", params=query)
    data = answer.json()
    if data.get("errcode"):
        raise UpstreamError(data["errcode"], data["errmsg"])
    held = {"access_token": data["access_token"], "expires_at": now + data["expires_in"]}
    await request.app.state.cache.set(key, json.dumps(held), ex=max(data["expires_in"] - _MARGIN_S, 1))
    return Token.model_validate(data)


async def held_token(
    request: Request,
    response: Response,
    appid: Annotated[str, Query()] = "",
    secret: Annotated[str, Query()] = "",
) -> Token:
    """The token that the query asks for."""
    response.headers["Cache-Control"] = "no-store"
    if not appid:
        raise UpstreamError(1, "缺少appid参数")
    secret = secret or os.environ.get(f"THIRD_APPID_{appid}", "")
    if not secret:
        raise UpstreamError(1, "缺少secret参数")
    key = f"access_token:{appid}:{secret}"
    cached = await request.app.state.cache.get(key)
    if cached is None:
        return await _fetch(request, key, appid, secret)
    held = json.loads(cached)
    return Token(access_token=held["access_token"], expires_in=int(held["expires_at"] - time.time()))


@app.exception_handler(UpstreamError)
async def refused(request: Request, error: UpstreamError) -> JSONResponse:
    """Answer a refusal in the shape of the route."""
    if request.url.path.startswith("/cgi-bin/"):
        return JSONResponse({"errcode": error.code, "errmsg": error.message})
    envelope = {"code": error.code, "msg": error.message, "data": {}, "trace_id": str(uuid.uuid1())}
    return JSONResponse(envelope)


@app.get("/AccessToken/getXcx")
async def get_xcx(response: Response, token: Annotated[Token, Depends(held_token)]) -> Envelope:
    """Answer in the envelope."""
    trace_id = str(uuid.uuid1())
    response.headers["trace-id"] = trace_id
    return Envelope(data=token, trace_id=trace_id)


@app.get("/cgi-bin/token")
async def cgi_token(token: Annotated[Token, Depends(held_token)]) -> Token:
    """Answer as WeChat does."""
    return token
