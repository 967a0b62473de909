"""Fill a folder with what the issuer's cases spend: ``python -m bench.minting HOME``.

By the public verbs only, so that each row is what it would be after as many real requests. Everything is spread over
many apps and users, so that no row is hotter than it would be in service.
"""

import asyncio
import itertools
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from bench.material import APPS, CODES, MALL_GRANTS, USERS, YZB_GRANTS, material_file
from lingpai.core.issuer_records import App, User
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.authorize import Asked, issue_code
from lingpai.issuer.verbs.redeem import redeem
from lingpai.service import open_issuers
from lingpai.settings import load_settings

T = TypeVar("T")
Given = TypeVar("Given")
Client = tuple[App, str]
Pair = tuple[Client, User]

_AT_ONCE = 500


async def each(work: Callable[[Given], Awaitable[T]], given: Iterable[Given]) -> list[T]:
    """Do ``work`` for each of ``given``, many at once; what came of it, in order."""
    done: list[T] = []
    for batch in _batched(given):
        done += await asyncio.gather(*map(work, batch))
    return done


def _batched(given: Iterable[Given]) -> Iterator[list[Given]]:
    left = iter(given)
    while batch := list(itertools.islice(left, _AT_ONCE)):
        yield batch


async def _clients(issuer: Issuer) -> list[Client]:
    async def add(number: int) -> Client:
        return await admin.add_app(issuer, App(realm=issuer.realm, app_id=f"{100_000 + number}"))

    return await each(add, range(APPS))


async def _pairs(issuer: Issuer, clients: list[Client]) -> Iterator[Pair]:
    """Every app with every user, neighbours in the list sharing neither."""

    async def add(number: int) -> User:
        return await admin.add_user(issuer, f"bench{number:05d}", "")

    users = await each(add, range(USERS))
    return ((clients[n % APPS], users[(n + n // APPS) % USERS]) for n in itertools.count())


async def _code(issuer: Issuer, pair: Pair) -> str:
    (app, _), user = pair
    return (await issue_code(issuer, app, user, Asked())).code


async def _granted(issuer: Issuer, pair: Pair) -> tuple[Client, Tokens]:
    client = pair[0]
    return client, await redeem(issuer, client[0], await _code(issuer, pair))


def write_bodies(home: Path, name: str, bodies: Iterable[dict[str, str]]) -> None:
    """Write the requests of a case, one a line."""
    file = material_file(home, name)
    file.touch(0o600)
    file.write_text("".join(urlencode(body) + "\n" for body in bodies), "utf-8")


async def _fill_yzb(issuer: Issuer, home: Path) -> None:
    clients = await _clients(issuer)
    pairs = await _pairs(issuer, clients)

    async def with_code(pair: Pair) -> dict[str, str]:
        (app, secret), _ = pair
        code = await _code(issuer, pair)
        return {
            "app_id": app.app_id,
            "secret": secret,
            "grant_type": "authorization_code",
            "code": code,
        }

    granted = await each(lambda pair: _granted(issuer, pair), itertools.islice(pairs, YZB_GRANTS))
    write_bodies(home, "redeem", await each(with_code, itertools.islice(pairs, CODES)))
    write_bodies(
        home,
        "refresh",
        (
            {
                "app_id": app.app_id,
                "grant_type": "refresh_token",
                "open_id": tokens.open_id,
                "refresh_token": tokens.refresh_token,
            }
            for (app, _), tokens in granted
        ),
    )
    write_bodies(
        home,
        "checkCode",
        (
            {
                "app_id": app.app_id,
                "type": "access_token",
                "open_id": tokens.open_id,
                "code": tokens.access_token,
            }
            for (app, _), tokens in granted
        ),
    )
    asking = [
        {"app_id": app.app_id, "secret": secret, "grant_type": "client_credential"} for app, secret in clients
    ]
    write_bodies(home, "server token", asking)
    write_bodies(home, "server token, one app", asking[:1])
    own = await each(lambda client: issue_app_token(issuer, client[0]), clients)
    write_bodies(
        home,
        "ticket",
        (
            {"app_id": app.app_id, "access_token": tokens.access_token, "type": "js_ticket"}
            for (app, _), tokens in zip(clients, own, strict=True)
        ),
    )


async def _fill_mall(issuer: Issuer, home: Path) -> None:
    pairs = await _pairs(issuer, await _clients(issuer))
    granted = await each(lambda pair: _granted(issuer, pair), itertools.islice(pairs, MALL_GRANTS))
    write_bodies(home, "getOpenId", ({"access_token": tokens.access_token} for _, tokens in granted))


async def fill(home: Path) -> None:
    """Make the data folder in ``home``, whose ``lingpai.toml`` says what is served, and the requests beside it."""
    os.chdir(home)  # settings are read from where a service starts
    async with open_issuers(load_settings(data=home / "data")) as issuers:
        await _fill_yzb(issuers["yzb"], home)
        await _fill_mall(issuers["mall"], home)


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1])))
