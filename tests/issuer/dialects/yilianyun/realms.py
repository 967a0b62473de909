"""A realm of the dialect, served on a real port, and short ways through it."""

import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from lingpai.core.issuer_records import App, AppMode, Terminal
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yilianyun
from lingpai.issuer.pages import Pages, Site
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.terminals import show_key
from tests.issuer.dialects.calls import Answered, Json, Served, encoded
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.visitors import PASSWORD, Visitor, visiting

NOW = 1_717_555_200
"""Unix time at which the tests begin: that of the contract's signature."""
SECRET = "secret-001"
OWN_SECRET = "secret-002"
REDIRECT = "http://127.0.0.1/callback?shop=7"
MACHINE = "4004504002"
MSIGN = "terminal secret"

OAUTH = "/oauth/oauth"
SCAN = "/oauth/scancodemodel"
ADD = "/printer/addprinter"
DELETE = "/printer/deleteprinter"


class Answer(Answered):
    @property
    def tokens(self) -> Json:
        """What a success holds."""
        assert self.error == "0", self.body
        found: Json = self.json["body"]
        return found

    @property
    def error(self) -> str:
        """The `error` of an answer whose form is whole."""
        found = self.json
        assert list(found)[:2] == ["error", "error_description"], found
        assert isinstance(found["error"], str)
        assert ("body" in found) == (found["error"] == "47") or found["error"] == "0", found
        assert self.headers["Cache-Control"] == "no-store"
        code: str = found["error"]
        return code


@dataclass
class Realm(Served[Answer]):
    answer_type = Answer

    own: App
    terminal: Terminal
    visitor: Visitor

    # The calls, with the open app's parameters unless others are given; None leaves one out.

    def signed(self, app: App | None = None, **params: Any) -> Json:
        """The parameters of a call that an app signs now, with a fresh id."""
        app_id, timestamp = (
            (app or self.app).app_id,
            params.get("timestamp", str(int(self.issuer.clock.now()))),
        )
        secret = OWN_SECRET if app_id == self.own.app_id else SECRET
        sign = hashlib.md5(f"{app_id}{timestamp}{secret}".encode()).hexdigest()
        return {"client_id": app_id, "sign": sign, "timestamp": timestamp, "id": str(uuid.uuid4())} | params

    async def call(self, path: str, app: App | None = None, **params: Any) -> Answer:
        return await self.post(path, self.signed(app, **params))

    async def authorize(self, headers: Mapping[str, str] | None = None, **over: Any) -> Answer:
        return await self.send("GET", f"/oauth/authorize?{encoded(self.asked | over)}", headers=headers)

    @property
    def asked(self) -> Json:
        return {
            "response_type": "code",
            "client_id": self.app.app_id,
            "redirect_uri": REDIRECT,
            "state": "1",
        }

    async def answered(self, *, allowed: bool = True, **over: Any) -> Answer:
        """How the app is answered after the merchant was asked."""
        url = f"{self.url}{self.prefix}/oauth/authorize?{encoded(self.asked | over)}"
        return Answer(*await self.visitor.walk(url, allowed=allowed))

    async def code(self, terminal: Terminal | None = None, app: App | None = None) -> str:
        """A code as the pages make one."""
        asked = Asked(redirect_uri=REDIRECT, scope="all")
        return (
            await issue_code(self.issuer, app or self.app, self.user, asked, terminal or self.terminal)
        ).code

    async def exchange(self, code: str, app: App | None = None, **over: Any) -> Answer:
        given = {"grant_type": "authorization_code", "code": code, "scope": "all"}
        return await self.call(OAUTH, app, **(given | over))

    async def refresh(self, token: str, app: App | None = None, **over: Any) -> Answer:
        given = {"grant_type": "refresh_token", "refresh_token": token, "scope": "all"}
        return await self.call(OAUTH, app, **(given | over))

    async def own_token(self, app: App | None = None, **over: Any) -> Answer:
        given = {"grant_type": "client_credentials", "scope": "all"}
        return await self.call(OAUTH, app or self.own, **(given | over))

    async def scan(self, app: App | None = None, **params: Any) -> Answer:
        return await self.call(SCAN, app, **({"machine_code": MACHINE, "scope": "all"} | params))

    async def shown(self) -> str:
        return await show_key(self.issuer, self.terminal)

    async def tokens(self) -> Json:
        return (await self.exchange(await self.code())).tokens


@contextlib.asynccontextmanager
async def serving_realm(
    issuer: Issuer, http: aiohttp.ClientSession, *, prefix: str = ""
) -> AsyncIterator[Realm]:
    """A realm with an open and a self-owned app, and a merchant with one terminal, who has a window open."""
    name = issuer.realm
    app = App(realm=name, app_id="client-001", redirect_uris=(REDIRECT,))
    app = await admin.declare_app(issuer, app, SECRET)
    own = App(realm=name, app_id="client-002", redirect_uris=(REDIRECT,), mode=AppMode.SELF_OWNED)
    own = await admin.declare_app(issuer, own, OWN_SECRET)
    user = await admin.add_user(issuer, "merchant", PASSWORD)
    terminal = await admin.save_terminal(issuer, MACHINE, name="前台", owner=user, msign=MSIGN)
    pages = Pages(issuer, Site(origin="http://127.0.0.1", prefix=f"/user/{name}"), yilianyun.STYLE)
    routes = (*yilianyun.routes(issuer, pages, prefix=prefix), *pages.routes())
    fallback = (("", yilianyun.SHAPE), *yilianyun.fallback(prefix))
    async with serving(routes, fallback) as url, visiting("merchant") as visitor:
        yield Realm(issuer, url, http, app, user, own, terminal, visitor, prefix=prefix)
