"""A keeper that holds what our own issuer issues: realms of it over real HTTP, in the keeper's virtual time."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App as IssuedApp
from lingpai.core.issuer_records import AppMode, Terminal
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Account, Credential
from lingpai.core.user_records import User
from lingpai.edge.app import create_app
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.realms import Realm, mount
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.terminals import show_key
from lingpai.keeper.app import App
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.renewal import renew_due
from lingpai.service import fallback_shapes, open_keeper, routes_of
from lingpai.settings import Settings
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from tests.helpers.direct import Direct
from tests.helpers.passwords import CHEAP
from tests.issuer.dialects.serving import serving
from tests.keeper.harness import Json

NOW = 1_717_555_200
SECRET = "0123456789abcdef0123456789abcdef01234567"
YZB = "100001"
OPEN = "client-001"
OWN = "client-002"
MACHINE = "4004504002"
REDIRECT = "http://127.0.0.1/callback"
REALMS = (Realm(name="yzb", dialect="yzb"), Realm(name="yilianyun", dialect="yilianyun"))


@dataclass
class Issued:
    """The keeper, and the platforms that it holds tokens of."""

    clock: VirtualClock
    keeper: Keeper
    client: Direct
    http: aiohttp.ClientSession
    url: str
    issuers: dict[str, Issuer]
    open_app: IssuedApp
    merchant: User
    terminal: Terminal

    async def get(self, path: str, **query: Any) -> Json:
        answer = await self.client.ask("GET", path, params=query)
        found: Json = answer.json
        return found

    async def post(self, path: str, json: Json) -> Json:
        answer = await self.client.ask("POST", path, json=json)
        found: Json = answer.json
        return found

    async def held(self, app: str, kind: str = ACCESS_TOKEN) -> Json:
        """What `GET /v1/tokens` gives."""
        platform = "yzb" if app == YZB else "yilianyun"
        return await self.get(f"/v1/tokens/{platform}/{app}", kind=kind)

    async def report(self, value: str) -> str:
        """What came of a report that `value` is dead."""
        answer = await self.post("/keeper/report", {"access_token": value})
        outcome: str = answer["data"]["outcome"]
        return outcome

    async def add(self, app: str = YZB, secret: str = SECRET, mode: str = "") -> App:
        platform = "yzb" if app == YZB else "yilianyun"
        account = Account(platform=platform, account=app, secret=secret, mode=mode)
        await self.keeper.store.save_account(account)
        return self.keeper.app_of(account)

    async def credential(self, app: App, kind: str = ACCESS_TOKEN) -> Credential:
        credential = await self.keeper.store.read_credential(app.key(kind))
        assert credential is not None
        return credential

    async def used(self, budget: str) -> int:
        """How many calls of a budget were made in its window."""
        return sum(use.used for use in await self.keeper.store.list_budgets() if use.name == budget)

    async def takes(self, value: str, kind: str = ACCESS_TOKEN) -> bool:
        """Whether the issuer takes a server token or ticket of the yzb app."""
        form = {"app_id": YZB, "type": kind, "code": value}
        async with self.http.post(f"{self.url}/OAuth2/checkCode", data=form) as answer:
            status = (await answer.json())["status"]
        assert status in {"2000", "4102"}
        return bool(status == "2000")

    async def code(self) -> str:
        """A code for the merchant's terminal."""
        asked = Asked(redirect_uri=REDIRECT, scope="all")
        issuer = self.issuers["yilianyun"]
        return (await issue_code(issuer, self.open_app, self.merchant, asked, self.terminal)).code

    async def qr_key(self) -> str:
        return await show_key(self.issuers["yilianyun"], self.terminal)

    async def pass_time(self, seconds: float, step: float) -> None:
        """Let time pass, with the background's work done as it comes due."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            await renew_due(self.keeper)


@contextlib.asynccontextmanager
async def issued(tmp_path: Path, **changes: Any) -> AsyncIterator[Issued]:
    """A keeper over served realms, each with its apps; nothing is configured. `changes` are settings."""
    clock, ring = VirtualClock(NOW), KeyRing.ephemeral()
    store = await SqliteIssuerStore.open(tmp_path / "issuer.db", ring, clock)
    try:
        issuers = {
            realm.name: await Issuer.open(realm.name, realm.policy(), store, ring, clock, Passwords(CHEAP))
            for realm in REALMS
        }
        mounted = [mount(realm, issuers[realm.name], "http://127.0.0.1") for realm in REALMS]
        routes = tuple(route for each in mounted for route in each.routes)
        fallback = (fallback_shapes()[0], *(pair for each in mounted for pair in each.fallback))
        async with (
            serving(routes, fallback) as url,
            _kept(tmp_path, clock, url, **changes) as (keeper, client),
            aiohttp.ClientSession() as http,
        ):
            yield Issued(clock, keeper, client, http, url, issuers, *await _populate(issuers))
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def _kept(
    tmp_path: Path, clock: VirtualClock, url: str, **changes: Any
) -> AsyncIterator[tuple[Keeper, Direct]]:
    settings = Settings(
        data=tmp_path / "data", **{"yzb": {"base_url": url}, "yilianyun": {"base_url": url}, **changes}
    )
    async with open_keeper(settings, clock) as keeper:
        app = create_app(routes_of(keeper), fallback_shapes(), settings.edge_options())
        yield keeper, Direct(app)


async def _populate(issuers: dict[str, Issuer]) -> tuple[IssuedApp, User, Terminal]:
    yzb, yilianyun = issuers["yzb"], issuers["yilianyun"]
    await admin.declare_app(yzb, IssuedApp(realm="yzb", app_id=YZB), SECRET)
    app = IssuedApp(realm="yilianyun", app_id=OPEN, redirect_uris=(REDIRECT,))
    app = await admin.declare_app(yilianyun, app, SECRET)
    own = IssuedApp(realm="yilianyun", app_id=OWN, mode=AppMode.SELF_OWNED)
    await admin.declare_app(yilianyun, own, SECRET)
    merchant = await admin.add_user(yilianyun, "merchant", "correct horse")
    return app, merchant, await admin.save_terminal(yilianyun, MACHINE, owner=merchant)
