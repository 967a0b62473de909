"""A realm of the dialect, served on a real port, and short ways through it."""

import base64
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from lingpai.core import base64url
from lingpai.core.issuer_records import App
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import oidc
from lingpai.issuer.dialects.oidc.backchannel import LogoutTokens
from lingpai.issuer.dialects.oidc.client_documents import ClientDocuments
from lingpai.issuer.dialects.oidc.client_policy import ClientPolicy
from lingpai.issuer.fetcher import Fetcher
from lingpai.issuer.pages import Pages, Site
from lingpai.issuer.pages.standard import Standard
from lingpai.issuer.signing_keys import SigningKeys
from lingpai.issuer.verbs.logouts import Logouts
from tests.issuer.dialects.calls import Answered, Json, Served, encoded
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.visitors import PASSWORD, Visitor, visiting

NOW = 1_700_000_000
SECRET = "0123456789abcdef0123456789abcdef01234567"
REDIRECT = "https://client.example/callback"
ORIGIN = "https://login.example"
PREFIX = "/oidc"
ISSUER = ORIGIN + PREFIX
STATE = "af0ifjsldkj"
NONCE = "n-0S6_WzA2Mj"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
LOCAL = "http://127.0.0.1/callback"
OPEN = ClientPolicy("open", "any")
"""Clients that describe themselves come in, in each way that there is."""


class Answer(Answered):
    redirects = frozenset({200, 303})

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and `error` of a refusal, whose form is whole."""
        found = self.json
        assert list(found) == ["error", "error_description"], found
        assert set(found["error_description"]) <= {chr(c) for c in range(0x20, 0x7F)} - {'"', "\\"}
        assert self.headers["Content-Type"] == "application/json"
        assert self.headers["Cache-Control"] == "no-store"
        assert self.headers["Pragma"] == "no-cache"
        return self.status, found["error"]


def claims_of(token: str) -> Json:
    """What an id_token says, whoever signed it."""
    found: Json = json.loads(base64url.decode(token.split(".")[1]))
    return found


def basic(app_id: str, secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{app_id}:{secret}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Realm(Served[Answer]):
    answer_type = Answer

    other: App
    public: App
    visitor: Visitor
    logouts: Logouts

    # The calls, with the sample app's parameters unless others are given; None leaves one out.

    def asked(self, **over: Any) -> Json:
        return {
            "response_type": "code",
            "client_id": self.app.app_id,
            "redirect_uri": REDIRECT,
            "scope": "openid profile offline_access",
            "state": STATE,
            "nonce": NONCE,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | over

    async def authorize(self, headers: Mapping[str, str] | None = None, **over: Any) -> Answer:
        return await self.get("/authorize", self.asked(**over), headers)

    async def answered(self, *, allowed: bool = True, **over: Any) -> Answer:
        """How the app is answered after the user was asked."""
        url = f"{self.url}{self.prefix}/authorize?{encoded(self.asked(**over))}"
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
            "code_verifier": VERIFIER,
        }
        return await self.post("/token", given | over, headers)

    async def tokens(self, **over: Any) -> Json:
        answer = await self.exchange(await self.code(**over))
        assert answer.status == 200, answer.body
        return answer.json

    async def public_tokens(self, **over: Any) -> Json:
        app_id = self.public.app_id
        code = await self.code(client_id=app_id, **over)
        answer = await self.exchange(code, client_id=app_id, client_secret=None)
        assert answer.status == 200, answer.body
        return answer.json

    async def refresh(self, token: str | None, **over: Any) -> Answer:
        given = {
            "client_id": self.app.app_id,
            "client_secret": SECRET,
            "grant_type": "refresh_token",
            "refresh_token": token,
        }
        return await self.post("/token", given | over)

    async def refresh_public(self, token: str) -> Answer:
        return await self.refresh(token, client_id=self.public.app_id, client_secret=None)

    async def own(self, **over: Any) -> Answer:
        return await self.post("/token", {"grant_type": "client_credentials"} | over, basic(self.app.app_id))

    async def userinfo(self, token: str) -> Answer:
        return await self.send("GET", "/userinfo", headers=bearer(token))

    async def introspect(self, token: str, app: App | None = None) -> Json:
        answer = await self.post("/introspect", {"token": token}, basic((app or self.app).app_id))
        assert answer.status == 200, answer.body
        return answer.json

    async def revoke(self, token: str, app: App | None = None) -> Answer:
        return await self.post("/revoke", {"token": token}, basic((app or self.app).app_id))

    async def register(self, headers: Mapping[str, str] | None = None, **over: Any) -> Answer:
        """A registration of a client with the sample's redirect URI; None leaves a name out."""
        given = {"redirect_uris": [REDIRECT], "client_name": "Registered"} | over
        return await self.send_json("POST", "/register", given, headers)

    async def send_json(
        self, method: str, path: str, given: Json, headers: Mapping[str, str] | None = None
    ) -> Answer:
        body = json.dumps({name: value for name, value in given.items() if value is not None}).encode()
        return await self.send(method, path, body, {"Content-Type": "application/json", **(headers or {})})

    async def change_app(self, **over: Any) -> None:
        """Change the sample app as an operator does."""
        self.app = await self.change(self.app, **over)


@contextlib.asynccontextmanager
async def serving_realm(
    issuer: Issuer, http: aiohttp.ClientSession, fetcher: Fetcher | None = None, policy: ClientPolicy = OPEN
) -> AsyncIterator[Realm]:
    """A realm with three apps and a user, who has a window open."""
    realm = issuer.realm
    app = App(realm=realm, app_id="100001", redirect_uris=(REDIRECT,))
    app = await admin.declare_app(issuer, app, SECRET)
    other = App(realm=realm, app_id="100002", redirect_uris=(REDIRECT, REDIRECT + "2"))
    other = await admin.declare_app(issuer, other, SECRET)
    public = App(realm=realm, app_id="100003", redirect_uris=(REDIRECT, LOCAL), public=True)
    public = await admin.declare_app(issuer, public, "")
    user = await admin.add_user(issuer, "alice", PASSWORD, Profile(nick="小明", sex="1"))
    keys, fetcher = SigningKeys(issuer), fetcher or Fetcher()
    apps = ClientDocuments(issuer, fetcher, policy)
    logouts = Logouts(issuer, LogoutTokens(issuer, ISSUER, keys, fetcher).send)
    pages = Pages(
        issuer,
        Site(origin="http://127.0.0.1", prefix=f"/user/{realm}"),
        Standard(oidc.style(ISSUER)),
        device=PREFIX + "/device",
        notify=logouts.send,
        apps=apps,
    )
    declared = oidc.routes(
        issuer, pages, ISSUER, prefix=PREFIX, fetcher=fetcher, keys=keys, policy=policy, apps=apps
    )
    fallback = (("", oidc.SHAPE), *oidc.fallback(PREFIX))
    async with serving((*declared, *pages.routes()), fallback) as url, visiting("alice") as visitor:
        yield Realm(issuer, url, http, app, user, other, public, visitor, logouts, prefix=PREFIX)
