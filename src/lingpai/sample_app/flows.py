"""The sample's requests in each dialect, over the issuer's public HTTP routes.

Source: docs/spec/yzb.md, docs/spec/mall.md, docs/spec/yilianyun.md.
"""

import hashlib
import secrets
import time
import uuid
from typing import Any
from urllib.parse import urlencode

import aiohttp

from lingpai.sample_app.identities import Identities, Identity, callback
from lingpai.sample_app.trails import Trail, call

YZB_OK = ("2000", 2000)
MALL_RESOURCES = (("读取 open_id Read the open_id", "getOpenId"), ("读取用户 Read the user", "getUserInfo"))


class Flows:
    """The back end of the sample.

    Args:
        issuer_url: base URL of the issuer.
        url: base URL of the sample.
        identities: its apps, by dialect.
        http: the HTTP client.
    """

    def __init__(
        self, issuer_url: str, url: str, identities: Identities, http: aiohttp.ClientSession
    ) -> None:
        self._issuer = issuer_url
        self._url = url
        self._ids = identities
        self._http = http
        self.authorize = {"mall": "/v1/oauth2/authorize", "yilianyun": "/oauth/authorize"}
        self.finish = {"mall": self._finish_mall, "yilianyun": self._finish_yilianyun}
        self.refresh = {"mall": self._refresh_mall, "yilianyun": self._refresh_yilianyun}

    def start(self, realm: str, trail: Trail) -> str:
        """Return the authorization URL; `state` binds the response to this browser."""
        trail.state = secrets.token_hex(16)
        identity = self._app(realm)
        query = {
            "response_type": "code",
            "client_id": identity.app_id,
            "redirect_uri": callback(self._url, realm),
            "state": trail.state,
        }
        url = self._base(realm) + self.authorize[realm]
        trail.add_browser_request("浏览器前往授权页 The browser goes to ask", "GET", url, query)
        return f"{url}?{urlencode(query)}"

    async def _finish_mall(self, trail: Trail, code: str) -> None:
        ids = self._app("mall")
        tokens = await self._mall(
            trail, "用授权码换令牌 Exchange the code", "/accessToken",
            client_id=ids.app_id, client_secret=ids.secret, redirect_uri=callback(self._url, "mall"),
            grant_type="authorization_code", code=code,
        )  # fmt: skip
        if "access_token" in tokens:
            trail.tokens["mall"] = tokens["refresh_token"]
            query = {"access_token": tokens["access_token"]}
            for title, path in (
                ("读取 open_id Read the open_id", "getOpenId"),
                ("读取用户 Read the user", "getUserInfo"),
            ):
                await call(self._http, trail, title, "GET", f"{self._base('mall')}/v1/oauth2/{path}", query)

    async def _refresh_mall(self, trail: Trail) -> None:
        ids = self._app("mall")
        tokens = await self._mall(
            trail, "刷新令牌 Refresh", "/refreshToken", client_id=ids.app_id, client_secret=ids.secret,
            grant_type="refresh_token", refresh_token=trail.tokens["mall"],
        )  # fmt: skip
        trail.tokens["mall"] = tokens.get("refresh_token", trail.tokens["mall"])

    async def _mall(self, trail: Trail, title: str, path: str, **params: str) -> Any:
        return await call(self._http, trail, title, "POST", f"{self._base('mall')}/v1/oauth2{path}", params)

    async def _finish_yilianyun(self, trail: Trail, code: str) -> None:
        await self._yilianyun(
            trail, "用授权码换令牌 Exchange the code", grant_type="authorization_code", code=code
        )

    async def _refresh_yilianyun(self, trail: Trail) -> None:
        await self._yilianyun(
            trail, "刷新令牌 Refresh", grant_type="refresh_token", refresh_token=trail.tokens["yilianyun"]
        )

    async def _yilianyun(self, trail: Trail, title: str, **params: str) -> None:
        ids, timestamp = self._app("yilianyun"), str(int(time.time()))
        text = ids.app_id + timestamp + ids.secret
        signed = {
            "client_id": ids.app_id,
            "timestamp": timestamp,
            "sign": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
            "id": str(uuid.uuid4()),
            "scope": "all",
        }
        answer = await call(
            self._http, trail, title, "POST", self._base("yilianyun") + "/oauth/oauth", signed | params
        )
        if answer.get("error") == "0":
            trail.tokens["yilianyun"] = answer["body"]["refresh_token"]

    async def sign_page(self, trail: Trail) -> dict[str, Any]:
        """Return the arguments of `yzb.core.config`, signed with a ticket; the ticket is not sent to the page."""
        ids, timestamp, nonce = self._app("yzb"), str(int(time.time())), secrets.token_hex(8)
        token = await self._server_token(trail)
        answer = await self._yzb(
            trail, "获取 js_ticket Get a ticket", "/OAuth2/ticket", access_token=token, type="js_ticket"
        )
        text = f"js_ticket={answer['data']['ticket']}&nonce_str={nonce}&timestamp={timestamp}&url={self._url}/yzb"
        return {
            "app_id": ids.app_id,
            "timestamp": timestamp,
            "nonce_str": nonce,
            "signature": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(),
            "js_api_list": ["core.requestAuthCode", "core.requestAccess"],
        }

    async def finish_yzb(self, trail: Trail, code: str) -> None:
        """Exchange the code from the bridge, and read the user."""
        answer = await self._yzb(
            trail, "用授权码换 open_id Exchange the code", "/OAuth2/token",
            secret=self._app("yzb").secret, grant_type="authorization_code", code=code,
        )  # fmt: skip
        if answer["status"] in YZB_OK:
            data = answer["data"]
            await self._yzb(
                trail, "检查用户令牌 Check the user's token", "/OAuth2/checkCode",
                type="access_token", code=data["access_token"], open_id=data["open_id"],
            )  # fmt: skip
            await self._yzb(
                trail, "读取用户 Read the user", "/UserResource/getUserBaseInfo",
                open_id=data["open_id"], access_token=await self._server_token(trail),
            )  # fmt: skip

    async def _server_token(self, trail: Trail) -> str:
        answer = await self._yzb(
            trail, "获取服务端令牌 Get the server token", "/OAuth2/token",
            secret=self._app("yzb").secret, grant_type="client_credential",
        )  # fmt: skip
        token: str = answer["data"]["access_token"]
        return token

    async def _yzb(self, trail: Trail, title: str, path: str, **params: str) -> Any:
        given = {"app_id": self._app("yzb").app_id, **params}
        return await call(self._http, trail, title, "POST", self._base("yzb") + path, given)

    def _app(self, dialect: str) -> Identity:
        return self._ids[dialect]

    def _base(self, dialect: str) -> str:
        return self._issuer + self._ids[dialect].prefix
