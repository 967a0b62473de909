"""No table grows with tokens of the standard protocol: ``python -m bench.growth.tokens COUNT [STORE]``.

Each way to get tokens again is asked COUNT times by its own route, without HTTP; before and after, the rows of every
table are counted. Time is virtual and passes with each token, so that each token is another one. STORE is the address
of an empty PostgreSQL database; without one it is the embedded store, in memory where the system has such a folder.
"""

import asyncio
import contextlib
import hashlib
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw
import asyncpg
import msgspec

from lingpai.core import base64url
from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Resource
from lingpai.core.wire import Call
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.realms import Realm, mount
from lingpai.issuer.sign_ins import SignIn, encode_sign_in
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.redeem import redeem
from lingpai.service import open_issuers
from lingpai.settings import Settings, load_settings

ORIGIN: Final = "https://login.example"
APART: Final = 1.0
"""Seconds between two tokens; a million of them take eleven days, in which the ends of grants are moved every day."""
_REALM: Final = Realm(name="oidc", dialect="oidc", prefix="/oidc")
_RESOURCE: Final = "https://api.example/"
_REDIRECT: Final = "https://client.example/callback"
_VERIFIER: Final = "growth-" * 7
_WARM: Final = 10
"""Tokens of each way before the rows are counted: the first makes a standing grant, and a realm's keys."""
_SAY_EVERY: Final = 100_000

Rows = Mapping[str, int]
"""The rows of each table."""
Ask = Callable[[], Awaitable[str]]
"""Asks for a token once more."""


class Grown(NamedTuple):
    """What so many tokens left.

    Attributes:
        tokens: how many were issued.
        distinct: how many of the last thousand differ from all others of it.
        before: the rows before.
        after: the rows after.
        per_second: how many a second.
    """

    tokens: int
    distinct: int
    before: Rows
    after: Rows
    per_second: float


def _embedded_rows(database: Path) -> Rows:
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    with contextlib.closing(connection):
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        counts = {name: next(connection.execute(f'SELECT count(*) FROM "{name}"'))[0] for name in tables}
    return {name: int(count) for name, count in counts.items() if not name.startswith("sqlite_")}


async def _postgresql_rows(store: str) -> Rows:
    connection = await asyncpg.connect(store)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for (name,) in tables}
    finally:
        await connection.close()


class _Client:
    """The token endpoint, asked without HTTP."""

    def __init__(self, issuer: Issuer) -> None:
        routes = mount(_REALM, issuer, ORIGIN).routes
        self._route = next(route for route in routes if route.path.endswith("/token"))

    async def ask(self, **given: str) -> Any:
        params = msgspec.convert(
            given | {"resource": [given["resource"]] if "resource" in given else []}, self._route.params
        )
        return await self._route.verb(params, Call("growth", "127.0.0.1"))


async def _ways(issuer: Issuer, client: _Client) -> Mapping[str, Ask]:
    """Each way to get a token again."""
    await issuer.store.save_resource(Resource(realm=issuer.realm, uri=_RESOURCE, token_format="jwt"))
    app = App(realm=issuer.realm, app_id="100000", redirect_uris=(_REDIRECT,))
    public = msgspec.structs.replace(app, app_id="100001", public=True)
    app, secret = await admin.add_app(issuer, app)
    public, _ = await admin.add_app(issuer, public)
    user = await admin.add_user(issuer, "growth", "")
    sign_in = encode_sign_in(SignIn(auth_time=issuer.now()))
    asked = Asked(
        scope="openid offline_access",
        nonce=sign_in,
        redirect_uri=_REDIRECT,
        challenge=base64url.encode(hashlib.sha256(_VERIFIER.encode()).digest()),
        challenge_method="S256",
    )

    async def granted(whose: App) -> str:
        code = (await issue_code(issuer, whose, user, asked)).code
        return (await redeem(issuer, whose, code, redirect_uri=_REDIRECT, verifier=_VERIFIER)).refresh_token

    own = {"client_id": app.app_id, "client_secret": secret}
    machine = own | {"grant_type": "client_credentials"}
    kept = own | {"grant_type": "refresh_token", "refresh_token": await granted(app)}
    rotating = {"client_id": public.app_id, "refresh_token": await granted(public)}

    def again(given: Mapping[str, str]) -> Ask:
        async def ask() -> str:
            return str((await client.ask(**given)).access_token)

        return ask

    async def rotate() -> str:
        found = await client.ask(grant_type="refresh_token", **rotating)
        rotating["refresh_token"] = found.refresh_token
        return str(found.access_token)

    return {
        "client_credentials": again(machine),
        "refresh, by secret": again(kept),
        "refresh, public": rotate,
        "client_credentials, JWT": again(machine | {"resource": _RESOURCE}),
    }


async def grow(
    folder: Path, count: int, store: str = "", say: Callable[[str], None] = lambda _: None
) -> dict[str, Grown]:
    """Ask each way ``count`` times.

    Args:
        folder: an empty one, for the service's data.
        count: tokens of each way.
        store: address of an empty PostgreSQL database; the embedded store when empty.
        say: is called with what happens.
    """
    settings = load_settings(
        data=folder, realms={"oidc": {"dialect": "oidc"}}, **({"store": store} if store else {})
    )
    clock, found = VirtualClock(time.time()), {}
    async with open_issuers(settings, clock) as issuers:
        issuer = issuers["oidc"]
        for way, ask in (await _ways(issuer, _Client(issuer))).items():
            found[way] = grown = await _grow(settings, clock, ask, count, store)
            say(f"{way}: {grown.tokens:,} tokens, {grown.per_second:,.0f} a second; {_shown(grown)}")
    return found


async def _grow(settings: Settings, clock: VirtualClock, ask: Ask, count: int, store: str) -> Grown:
    async def rows() -> Rows:
        return await _postgresql_rows(store) if store else _embedded_rows(settings.database)

    for _ in range(_WARM):
        await ask()
    before, began, last = await rows(), time.monotonic(), list[str]()
    for _ in range(count):
        clock.advance(APART)
        last.append(await ask())
        del last[:-1000]
    took = time.monotonic() - began
    return Grown(count, len(set(last)), before, await rows(), count / took)


def differences(grown: Grown) -> dict[str, int]:
    """By how many rows each table has changed, those that have not left out."""
    tables = {**grown.before, **grown.after}
    found = {name: grown.after.get(name, 0) - grown.before.get(name, 0) for name in tables}
    return {name: more for name, more in found.items() if more}


def _shown(grown: Grown) -> str:
    more = differences(grown)
    return f"{len(grown.after)} tables, {sum(grown.after.values())} rows, " + (
        f"changed: {more}" if more else "none changed"
    )


def main(count: int, store: str = "") -> None:
    """Print what each way leaves; exits with 1 when a table grew."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        found = asyncio.run(grow(Path(folder), count, store, lambda text: print(text, flush=True)))
    if any(map(differences, found.values())):
        sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
