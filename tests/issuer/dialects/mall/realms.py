"""A realm of the dialect, served on a real port, and short ways through it."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from lingpai.core.issuer_records import App
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import mall
from lingpai.issuer.pages import Pages, Site
from tests.issuer.dialects.calls import Answered, Json, Served, encoded
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.visitors import PASSWORD, Visitor, visiting

NOW = 1_536_083_506 - 3600
"""Unix time at which the tests begin: the original's getOpenId answer then shows just what ours does."""
SECRET = "0123456789abcdef0123456789abcdef01234567"
REDIRECT = "https://www.baidu.com/"
SELLER = "倍升互聯(北京)科技有限公司"
STATE = "bb38108d1aaf567c72da0f1167e87142d0e20cb2bb24ec5a"
ROOT = "/v1/oauth2"


class Answer(Answered):
    redirects = frozenset({200, 302, 303})

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and `error` of a refusal, whose form is whole."""
        found = self.json
        assert list(found) == ["error", "error_description"], found
        assert set(found["error_description"]) <= {chr(c) for c in range(0x20, 0x7F)} - {'"', "\\"}
        assert self.headers["Cache-Control"] == "no-store"
        assert self.headers["Pragma"] == "no-cache"
        return self.status, found["error"]


@dataclass
class Realm(Served[Answer]):
    answer_type = Answer

    other: App
    visitor: Visitor

    # The calls, with the sample app's parameters unless others are given; None leaves one out.

    async def authorize(self, headers: Mapping[str, str] | None = None, **over: Any) -> Answer:
        return await self.get(f"{ROOT}/authorize", self._asked() | over, headers)

    def _asked(self) -> Json:
        return {
            "response_type": "code",
            "client_id": self.app.app_id,
            "redirect_uri": REDIRECT,
            "state": STATE,
        }

    async def answered(self, *, allowed: bool = True, **over: Any) -> Answer:
        """How the app is answered after the user was asked."""
        url = f"{self.url}{self.prefix}{ROOT}/authorize?{encoded(self._asked() | over)}"
        return Answer(*await self.visitor.walk(url, allowed=allowed))

    async def code(self, **over: Any) -> str:
        return (await self.answered(**over)).redirected["code"]

    async def exchange(
        self, code: str | None, headers: Mapping[str, str] | None = None, **over: Any
    ) -> Answer:
        given = {
            "client_id": self.app.app_id,
            "client_secret": SECRET,
            "redirect_uri": REDIRECT,
            "grant_type": "authorization_code",
            "code": code,
        }
        return await self.post(f"{ROOT}/accessToken", given | over, headers)

    async def tokens(self, **over: Any) -> Json:
        answer = await self.exchange(await self.code(**over))
        assert answer.status == 200, answer.body
        return answer.json

    async def refresh(
        self, token: str | None, headers: Mapping[str, str] | None = None, **over: Any
    ) -> Answer:
        given = {
            "client_id": self.app.app_id,
            "client_secret": SECRET,
            "grant_type": "refresh_token",
            "refresh_token": token,
        }
        return await self.post(f"{ROOT}/refreshToken", given | over, headers)

    async def open_id(self, token: str) -> Answer:
        return await self.get(f"{ROOT}/getOpenId", {"access_token": token})

    async def user_info(self, token: str) -> Answer:
        return await self.get(f"{ROOT}/getUserInfo", {"access_token": token})

    async def change_app(self, **over: Any) -> None:
        """Change the sample app as an operator does."""
        self.app = await self.change(self.app, **over)


@contextlib.asynccontextmanager
async def serving_realm(
    issuer: Issuer, http: aiohttp.ClientSession, *, prefix: str = "", scopes: mall.Scopes | None = None
) -> AsyncIterator[Realm]:
    """A realm with two apps and a user, who has a window open."""
    realm = issuer.realm
    app = App(realm=realm, app_id="100001", redirect_uris=(REDIRECT,))
    app = await admin.declare_app(issuer, app, SECRET)
    other = App(realm=realm, app_id="100002", redirect_uris=(REDIRECT, REDIRECT + "2"))
    other = await admin.declare_app(issuer, other, SECRET)
    user = await admin.add_user(issuer, "seller", PASSWORD, Profile(seller_name=SELLER))
    pages = Pages(issuer, Site(origin="http://127.0.0.1", prefix=f"/user/{realm}"), mall.STYLE)
    routes = (*mall.routes(issuer, pages, prefix=prefix, scopes=scopes), *pages.routes())
    fallback = (("", mall.MallShape()), *mall.fallback(prefix))
    async with serving(routes, fallback) as url, visiting("seller") as visitor:
        yield Realm(issuer, url, http, app, user, other, visitor, prefix=prefix)
