"""Fill a folder with what the issuer's cases spend: ``python -m bench.minting HOME``.

By the public verbs, so that each row is what it would be after as many real requests, and then by copies of such rows
(`multiplying`), which takes seconds instead of minutes. Everything is spread over many apps and users, so that no row
is hotter than it would be in service.
"""

import asyncio
import itertools
import os
import random
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from bench.material import APPS, CODES, GRANTED, MALL_GRANTS, OUTSTANDING, USERS, YZB_GRANTS, material_file
from bench.multiplying import Made, multiply
from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import App, GrantState
from lingpai.core.user_records import User
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.redeem import redeem
from lingpai.service import open_issuers
from lingpai.settings import load_settings
from lingpai.store.address import Address

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


async def _fill_yzb(issuer: Issuer, home: Path, address: Address) -> None:
    clients = await _clients(issuer)
    pairs = await _pairs(issuer, clients)
    granted = await each(lambda pair: _granted(issuer, pair), itertools.islice(pairs, GRANTED))
    unspent = await each(lambda pair: _code_handle(issuer, pair), itertools.islice(pairs, GRANTED))
    rows = [*(tokens.grant.id for _, tokens in granted), *(code.id for code in unspent)]

    async def copies(state: GrantState, count: int) -> list[Made]:
        return await multiply(address, min(rows), max(rows), int(state), -(-count // GRANTED))

    secrets = {app.app_id: secret for app, secret in clients}
    codes = _as_they_come_back(await copies(GrantState.ISSUED, CODES))
    write_bodies(home, "redeem", (_redeeming(issuer, secrets[code.app_id], code) for code in codes))
    live = await copies(GrantState.LIVE, YZB_GRANTS)
    random.Random(YZB_GRANTS).shuffle(live)  # whoever refreshes or is checked may have come long ago
    write_bodies(home, "refresh", (_refreshing(issuer, grant) for grant in live))
    write_bodies(home, "checkCode", (_checking(issuer, grant) for grant in live))
    await _own_tokens(issuer, home, clients)


def _as_they_come_back(codes: list[Made]) -> list[Made]:
    """Codes in an order in which apps redeem them: soon after they were issued, sooner or later by `OUTSTANDING`."""
    chance = random.Random(len(codes))
    late = [number + chance.uniform(0, OUTSTANDING) for number in range(len(codes))]
    return [codes[number] for number in sorted(range(len(codes)), key=late.__getitem__)]


async def _code_handle(issuer: Issuer, pair: Pair) -> Handle:
    handle = issuer.unseal(await _code(issuer, pair), HandleKind.CODE)
    if handle is None:
        raise RuntimeError("the issuer does not know its own code")
    return handle


def _redeeming(issuer: Issuer, secret: str, code: Made) -> dict[str, str]:
    sealed = issuer.seal(HandleKind.CODE, code.id, 0, code.created_at, code.salt)
    return {"app_id": code.app_id, "secret": secret, "grant_type": "authorization_code", "code": sealed}


def _refreshing(issuer: Issuer, grant: Made) -> dict[str, str]:
    sealed = issuer.seal(HandleKind.REFRESH, grant.id, grant.generation, grant.rotated_at, grant.salt)
    return {
        "app_id": grant.app_id,
        "grant_type": "refresh_token",
        "open_id": grant.open_id,
        "refresh_token": sealed,
    }


def _checking(issuer: Issuer, grant: Made) -> dict[str, str]:
    sealed = issuer.seal(HandleKind.ACCESS, grant.id, grant.generation, grant.rotated_at, grant.salt)
    return {"app_id": grant.app_id, "type": "access_token", "open_id": grant.open_id, "code": sealed}


async def _own_tokens(issuer: Issuer, home: Path, clients: list[Client]) -> None:
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
    settings = load_settings(data=home / "data")
    async with open_issuers(settings) as issuers:
        await _fill_yzb(issuers["yzb"], home, settings.store_address)
        await _fill_mall(issuers["mall"], home)


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1])))
