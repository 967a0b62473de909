"""Fill a folder with a store of some size: ``python -m bench.growth.filling HOME GRANTS ACCOUNTS``.

Accounts by ``lingpai apply``, apps and the first of each kind of row by the public verbs, the others as copies of
those (`bulk`). Prints how far it is.
"""

import asyncio
import functools
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import msgspec

from bench.answers import SECRET
from bench.cases import APP_TOKEN, CHECK, REFRESH
from bench.growth.bulk import clone, unguarded
from bench.growth.points import ACCOUNT, APPS, GRANTS_OF_A_USER, SAMPLE, SETTINGS
from bench.minting import each, write_bodies
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.redeem import redeem
from lingpai.service import open_issuers
from lingpai.settings import load_settings


class Templates(msgspec.Struct, frozen=True):
    """Rows that the verbs wrote: the first app of many, a user, its member, its live grant, and its unspent code."""

    app: int
    user: int
    member: int
    grant: int
    code: int
    secrets: tuple[tuple[str, str], ...]


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only we may read."""
    file.touch(0o600)
    file.write_bytes(content)


def _apply(home: Path, accounts: int) -> None:
    declared = [
        {"platform": "wechat", "account": ACCOUNT % number, "secret": SECRET} for number in range(accounts)
    ]
    file = home / "accounts.json"
    write_private(file, json.dumps({"accounts": declared}).encode())
    lingpai = str(Path(sys.executable).with_name("lingpai"))
    argv = [lingpai, "apply", str(file), "--data", str(home / "data")]
    subprocess.run(argv, cwd=home, check=True, stdout=subprocess.DEVNULL)


async def _templates(issuer: Issuer) -> Templates:
    async def add(number: int) -> tuple[App, str]:
        return await admin.add_app(issuer, App(realm=issuer.realm, app_id=f"{100_000 + number}"))

    clients = await each(add, range(APPS))
    app = clients[0][0]
    user = await admin.add_user(issuer, "bench", "")
    tokens = await redeem(issuer, app, (await issue_code(issuer, app, user, Asked())).code)
    code = issuer.unseal((await issue_code(issuer, app, user, Asked())).code, HandleKind.CODE)
    if code is None or tokens.grant.member is None:
        raise RuntimeError("the issuer does not know its own code")
    secrets = tuple((app.app_id, secret) for app, secret in clients)
    return Templates(app.id, user.id, tokens.grant.member, tokens.grant.id, code.id, secrets)


def _say(table: str, number: int) -> None:
    print(f"{table}: {number:,}", flush=True)


def _spread(connection: apsw.Connection, found: Templates, count: int) -> None:
    user = f"{found.user} + 1 + i / {GRANTS_OF_A_USER}"
    app = f"{found.app} + (i / {GRANTS_OF_A_USER} * 31 + i % {GRANTS_OF_A_USER} * 199) % {APPS}"
    member = f"{found.member} + 1 + i"
    # Random as those of the verbs, but for their beginning, which grows: so their index is built in order.
    open_id = "printf('%016x', i) || lower(hex(randomblob(8)))"
    steps: tuple[tuple[str, int, int, dict[str, str]], ...] = (
        (
            *("issuer_users", found.user, -(-count // GRANTS_OF_A_USER)),
            {"login": "printf('bench%09d', i)", "login_key": "printf('bench%09d', i)"},
        ),
        ("issuer_members", found.member, count, {"app_row": app, "user_row": user, "open_id": open_id}),
        (
            *("issuer_grants", found.grant, count),
            {
                "app_row": app,
                "user_row": user,
                "member_row": member,
                "open_id": f"SELECT open_id FROM issuer_members WHERE id = {member}",
            },
        ),
    )
    for table, template, rows, changes in steps:
        clone(connection, table, template, rows, changes, functools.partial(_say, table))


_SAMPLE = """
SELECT g.id, g.generation, g.rotated_at, g.salt, m.open_id, a.app_id FROM issuer_grants g
JOIN issuer_members m ON m.id = g.member_row JOIN issuer_apps a ON a.id = g.app_row WHERE g.id = ?
"""


def _sample(
    connection: apsw.Connection, found: Templates, count: int
) -> Iterator[tuple[int, int, int, int, str, str]]:
    """Some of the grants, from all over the table, in no order, none twice."""
    first = found.code + 1
    rows = random.Random(count).sample(range(first, first + count), min(SAMPLE, count))
    for row in rows:
        yield from connection.execute(_SAMPLE, (row,))


def _write(issuer: Issuer, connection: apsw.Connection, found: Templates, home: Path, count: int) -> None:
    checks, refreshes = [], []
    for row, generation, made, salt, open_id, app_id in _sample(connection, found, count):
        access = issuer.seal(HandleKind.ACCESS, row, generation, made, salt)
        refresh = issuer.seal(HandleKind.REFRESH, row, generation, made, salt)
        checks.append({"app_id": app_id, "type": "access_token", "open_id": open_id, "code": access})
        refreshes.append(
            {"app_id": app_id, "grant_type": "refresh_token", "open_id": open_id, "refresh_token": refresh}
        )
    write_bodies(home, CHECK, checks)
    write_bodies(home, REFRESH, refreshes)
    write_bodies(
        home,
        APP_TOKEN,
        (
            {"app_id": app_id, "secret": secret, "grant_type": "client_credential"}
            for app_id, secret in found.secrets
        ),
    )


async def fill(home: Path, grants: int) -> None:
    """Make the rows and the requests, in ``home``, which the process is in."""
    settings = load_settings(data=home / "data")
    async with open_issuers(settings) as issuers:
        found = await _templates(issuers["yzb"])
    write_private(home / "templates.json", msgspec.json.encode(found))
    with unguarded(settings.database) as connection:
        _spread(connection, found, grants)
    print("requests", flush=True)
    async with open_issuers(settings) as issuers:
        with_rows = apsw.Connection(str(settings.database), flags=apsw.SQLITE_OPEN_READONLY)
        _write(issuers["yzb"], with_rows, found, home, grants)
        with_rows.close()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True)
    (place / "lingpai.toml").write_text(SETTINGS, "utf-8")
    _apply(place, int(sys.argv[3]))
    os.chdir(place)  # settings are read from where a service starts
    asyncio.run(fill(place, int(sys.argv[2])))
