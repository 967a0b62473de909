"""Seed 003's hot routes as a team would write them on Tornado, the token cached in Redis.

Not a straw man: one Redis connection pool, hiredis, no access log, nothing done twice. Settings come from the
environment: ``REDIS_URL``, ``UPSTREAM_URL`` and ``THIRD_APPID_<appid>=<secret>``; the port is the one argument.
"""
# Tornado lives in the bench's own environment, where mypy does not look.
# mypy: disable-error-code="import-not-found, misc, no-any-return"

import asyncio
import json
import os
import sys
import time
import uuid
from typing import Any

import redis.asyncio as redis
import tornado.web
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httputil import url_concat

_MARGIN_S = 30


class UpstreamError(Exception):
    """The platform refused: its errcode and errmsg."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Tokens:
    """Access tokens by appid and secret, cached in Redis until shortly before their end."""

    def __init__(self, cache: "redis.Redis", upstream: str) -> None:
        self._cache = cache
        self._upstream = upstream

    async def get(self, appid: str, secret: str) -> dict[str, Any]:
        """The token and the seconds that it still has."""
        key = f"access_token:{appid}:{secret}"
        cached = await self._cache.get(key)
        if cached is None:
            return await self._fetch(key, appid, secret)
        held = json.loads(cached)
        return {"access_token": held["access_token"], "expires_in": int(held["expires_at"] - time.time())}

    async def _fetch(self, key: str, appid: str, secret: str) -> dict[str, Any]:
        now = time.time()
        query = {"grant_type": "client_credential", "appid": appid, "secret": secret}
        answer = await AsyncHTTPClient().fetch(url_concat(f"{self._upstream}/cgi-bin/token", query))
        data = json.loads(answer.body)
        if data.get("errcode"):
            raise UpstreamError(data["errcode"], data["errmsg"])
        held = {"access_token": data["access_token"], "expires_at": now + data["expires_in"]}
        await self._cache.set(key, json.dumps(held), ex=max(data["expires_in"] - _MARGIN_S, 1))
        return {"access_token": data["access_token"], "expires_in": data["expires_in"]}


class TokenHandler(tornado.web.RequestHandler):
    """What both routes share."""

    def initialize(self, tokens: Tokens) -> None:
        """Take the cache."""
        self.tokens = tokens

    def set_default_headers(self) -> None:
        """JSON, never cached."""
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """A token's answer has no use for one."""

    async def held(self) -> dict[str, Any]:
        """The token that the query asks for."""
        appid = self.get_query_argument("appid", "")
        if not appid:
            raise UpstreamError(1, "缺少appid参数")
        secret = self.get_query_argument("secret", "") or os.environ.get(f"THIRD_APPID_{appid}", "")
        if not secret:
            raise UpstreamError(1, "缺少secret参数")
        return await self.tokens.get(appid, secret)


class GetXcx(TokenHandler):
    """``/AccessToken/getXcx``."""

    async def get(self) -> None:
        """Answer in the envelope."""
        trace_id = str(uuid.uuid1())
        self.set_header("trace-id", trace_id)
        try:
            envelope = {"code": 0, "msg": "success", "data": await self.held()}
        except UpstreamError as error:
            envelope = {"code": error.code, "msg": error.message, "data": {}}
        except (HTTPClientError, OSError):
            envelope = {"code": 1, "msg": "upstream could not be reached", "data": {}}
        self.finish(json.dumps({**envelope, "trace_id": trace_id}, ensure_ascii=False))


class CgiToken(TokenHandler):
    """``/cgi-bin/token``."""

    async def get(self) -> None:
        """Answer as WeChat does."""
        try:
            self.finish(json.dumps(await self.held()))
        except UpstreamError as error:
            self.finish(json.dumps({"errcode": error.code, "errmsg": error.message}, ensure_ascii=False))


async def main() -> None:
    """Serve until it is stopped."""
    cache = redis.Redis.from_url(os.environ["REDIS_URL"])
    tokens = {"tokens": Tokens(cache, os.environ["UPSTREAM_URL"])}
    routes = [(r"/AccessToken/getXcx", GetXcx, tokens), (r"/cgi-bin/token", CgiToken, tokens)]
    tornado.web.Application(routes).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
