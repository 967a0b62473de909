"""What the clients of the nodes have to spend, made by an operator's verbs: apps, users, terminals and codes."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from lingpai.core.issuer_records import App, AppMode
from lingpai.core.user_records import User
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.service import open_issuers
from lingpai.settings import Settings
from tests.helpers import leaks

T = TypeVar("T")
Given = TypeVar("Given")

REDIRECT = "https://app.example/callback"
MALL_APP, YZB_APP = "100001", "200001"
OWN_APPS = tuple(f"30000{number}" for number in range(8))
SECRET = {
    "mall": {"client_id": MALL_APP, "client_secret": "mall-secret-00000001"},
    "yzb": {"app_id": YZB_APP, "secret": "yzb-secret-000000002"},
    "yilianyun": {"secret": "yilianyun-secret-03"},
}
MSIGN = "terminal-secret-004"
QUOTA = 20
"""Tokens that an app of yilianyun may have a day (docs/spec/yilianyun.md)."""

USERS = 100
AT_ONCE = 100

numbers = itertools.count()


def terminal_of(app: str) -> str:
    """The code of an app's terminal."""
    return "4004" + app


async def each(work: Callable[[Given], Awaitable[T]], given: Iterable[Given]) -> list[T]:
    """Do it for each, many at once; what came of it, in order."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(item: Given) -> T:
        async with room:
            return await work(item)

    return await asyncio.gather(*map(one, given))


async def prepare(settings: Settings) -> None:
    """Make every app, and the terminals."""
    leaks.saw(MSIGN, *(value for kept in SECRET.values() for name, value in kept.items() if "secret" in name))
    async with open_issuers(settings) as issuers:
        mall, yzb, yilianyun = issuers["mall"], issuers["yzb"], issuers["yilianyun"]
        app = App(realm="mall", app_id=MALL_APP, redirect_uris=(REDIRECT,))
        await admin.declare_app(mall, app, SECRET["mall"]["client_secret"])
        await admin.declare_app(yzb, App(realm="yzb", app_id=YZB_APP), SECRET["yzb"]["secret"])
        for app_id in OWN_APPS:
            own = App(realm="yilianyun", app_id=app_id, mode=AppMode.SELF_OWNED)
            await admin.declare_app(yilianyun, own, SECRET["yilianyun"]["secret"])
            await admin.save_terminal(yilianyun, terminal_of(app_id), msign=MSIGN)


async def make_codes(settings: Settings, count: int) -> dict[str, str]:
    """Codes of the mall, each with whose it is."""
    async with open_issuers(settings) as issuers:
        issuer = issuers["mall"]
        app = await issuer.store.find_app("mall", MALL_APP)
        assert app is not None
        users = await each(lambda number: _add_user(issuer, number), itertools.islice(numbers, USERS))
        owners = list(itertools.islice(itertools.cycle(users), count))
        codes = await each(lambda user: issue_code(issuer, app, user, Asked(redirect_uri=REDIRECT)), owners)
        return {made.code: user.login for made, user in zip(codes, owners, strict=True)}


async def _add_user(issuer: Issuer, number: int) -> User:
    return await admin.add_user(issuer, f"user{number}", "")
