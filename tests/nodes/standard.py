"""Server processes that share one store and serve the standard protocol, and clients that race on them.

On PostgreSQL they are three nodes, each `lingpai serve` with a data folder of its own; on the embedded store two
services of two workers each over one data folder. A request takes a connection of its own, so that any worker gets it.
"""

import asyncio
import contextlib
import dataclasses
import itertools
import json
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from lingpai.core.issuer_records import App, Client, Resource
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.issuer.verbs.logouts import Logouts
from lingpai.service import open_issuers
from lingpai.settings import Settings, load_settings
from tests.helpers import leaks
from tests.helpers.postgres_server import Server
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import LOCAL, ORIGIN, PREFIX, REDIRECT, SECRET, Answer, Realm
from tests.issuer.dialects.visitors import PASSWORD, Visitor
from tests.strength.services import Service

DATABASE = "standard"
FRESH = "/fresh"
"""Prefix of a realm whose keys nobody has asked for yet."""
REALMS: dict[str, Any] = {"oidc": {"dialect": "oidc"}, "fresh": {"dialect": "oidc", "prefix": FRESH}}
CONFIDENTIAL, OTHER, PUBLIC, BY_KEY = "100001", "100002", "100003", "100004"
RESOURCE = "https://api.example/"
ENGINES = ("sqlite", "postgresql")
CONTENDERS = 12
"""Requests of a race, at the same moment, spread over all services."""
_NOWHERE = "http://127.0.0.1:1"


@dataclasses.dataclass
class Nodes:
    """The services of one store.

    Attributes:
        settings: an operator's.
        services: what runs.
        key: of the client that signs assertions.
    """

    settings: Settings
    services: list[Service]
    key: ClientKey

    @property
    def environment(self) -> dict[str, str]:
        """Of an operator's commands."""
        given = {
            "DATA": self.settings.data,
            "STORE": self.settings.store.get_secret_value(),
            "KEY_RING": self.settings.key_ring_file,
            "REALMS": json.dumps(REALMS),
        }
        return {"PATH": os.environ["PATH"]} | {f"LINGPAI_{name}": str(value) for name, value in given.items()}

    @contextlib.asynccontextmanager
    async def realms(self) -> AsyncIterator[list[Realm]]:
        """The realm as each service serves it, and a user who is logged in at all of them in one browser."""
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=[each.url for each in self.services])
        every = aiohttp.TCPConnector(force_close=True, limit=0)
        async with (
            open_issuers(self.settings) as issuers,
            aiohttp.ClientSession(cookie_jar=jar, connector=every) as http,
        ):
            issuer = issuers["oidc"]
            apps = {app.app_id: app for app in await issuer.store.list_apps("oidc")}
            found = await issuer.store.find_login("oidc", "alice")
            assert found is not None
            yield [
                Realm(
                    issuer,
                    service.url,
                    http,
                    apps[CONFIDENTIAL],
                    found[0],
                    apps[OTHER],
                    apps[PUBLIC],
                    Visitor(http, "alice"),
                    Logouts(issuer, _unsent),
                    prefix=PREFIX,
                )
                for service in self.services
            ]


def spread(realms: Sequence[Realm]) -> list[Realm]:
    """The services that the contenders of a race ask, one each."""
    return list(itertools.islice(itertools.cycle(realms), CONTENDERS))


async def race(calls: Iterable[Coroutine[Any, Any, Answer]]) -> list[Answer]:
    """What calls are answered that begin at the same moment."""
    waiting = list(calls)
    barrier = asyncio.Barrier(len(waiting))

    async def contend(call: Coroutine[Any, Any, Answer]) -> Answer:
        await barrier.wait()
        return await call

    return await asyncio.gather(*map(contend, waiting))


def now() -> int:
    """Unix seconds, as the services have them."""
    return int(time.time())


@contextlib.contextmanager
def open_nodes(folder: Path, server: Server | None) -> Iterator[Nodes]:
    """Services over a new store with apps and a user; all of it ends with the block.

    Args:
        folder: an empty one.
        server: where the database is, None for the embedded store.
    """
    leaks.saw(SECRET, PASSWORD)
    store = ""
    if server is not None:
        asyncio.run(_create_database(server))
        store = server.dsn(DATABASE)
    shared = folder / "shared"
    settings = load_settings(
        data=shared, store=store, key_ring=folder / "keyring.json", realms=REALMS, public_url=ORIGIN
    )
    key = ClientKey()
    asyncio.run(_prepare(settings, key))
    services = [
        Service(
            shared if server is None else folder / f"node-{number}",
            _NOWHERE,
            workers=2 if server is None else 1,
            STORE=store,
            KEY_RING=folder / "keyring.json",
            REALMS=json.dumps(REALMS),
            PUBLIC_URL=ORIGIN,
            DRAIN=2.0,
        )
        for number in range(2 if server is None else 3)
    ]
    try:
        yield Nodes(settings, services, key)
        with ThreadPoolExecutor(len(services)) as hands:
            assert set(hands.map(Service.stop, services)) == {0}
    finally:
        for service in services:
            service.kill()


async def _create_database(server: Server) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(f"CREATE DATABASE {DATABASE}")
    await connection.close()


async def _prepare(settings: Settings, key: ClientKey) -> None:
    async with open_issuers(settings) as issuers:
        issuer = issuers["oidc"]
        for app_id in (CONFIDENTIAL, OTHER):
            await admin.declare_app(issuer, _app(app_id, redirect_uris=(REDIRECT,)), SECRET)
        await admin.declare_app(issuer, _app(PUBLIC, redirect_uris=(REDIRECT, LOCAL), public=True), "")
        client = Client(token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
        await admin.declare_app(issuer, _app(BY_KEY, redirect_uris=(REDIRECT,), client=client), "")
        await admin.add_user(issuer, "alice", PASSWORD, Profile(nick="小明"))
        resource = Resource(realm="oidc", uri=RESOURCE, token_format="jwt")
        await issuer.store.save_resource(resource)


def _app(app_id: str, **about: Any) -> App:
    return App(realm="oidc", app_id=app_id, **about)


async def _unsent(*_given: object) -> None:
    """Logouts are no part of the races."""
