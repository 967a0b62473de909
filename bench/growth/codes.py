"""Make codes to spend in a store that was filled: ``python -m bench.growth.codes HOME COUNT``."""

import asyncio
import os
import sys
from pathlib import Path

import apsw
import msgspec

from bench.cases import REDEEM
from bench.growth.bulk import clone
from bench.growth.filling import Templates
from bench.minting import write_bodies
from lingpai.core.handles import HandleKind
from lingpai.service import open_issuers
from lingpai.settings import load_settings

_MADE = """
SELECT g.id, g.created_at, g.salt, a.app_id FROM issuer_grants g JOIN issuer_apps a ON a.id = g.app_row WHERE g.id > ?
"""


def _grow(database: Path, found: Templates, count: int) -> list[tuple[int, int, int, str]]:
    """Codes for members all over the table."""
    connection = apsw.Connection(str(database))
    connection.set_busy_timeout(10_000)
    (highest,) = next(connection.execute("SELECT max(id) FROM issuer_grants"))
    (members,) = next(connection.execute("SELECT max(id) FROM issuer_members"))
    member = f"{found.member} + 1 + i * 7919 % {members - found.member}"
    owned = f"FROM issuer_members WHERE id = {member}"
    changes = {
        "member_row": member,
        "app_row": f"SELECT app_row {owned}",
        "user_row": f"SELECT user_row {owned}",
        "open_id": f"SELECT open_id {owned}",
    }
    clone(connection, "issuer_grants", found.code, count, changes)
    made: list[tuple[int, int, int, str]] = list(connection.execute(_MADE, (highest,)))
    connection.close()
    return made


async def make(home: Path, count: int) -> None:
    """Add ``count`` codes, and the requests that redeem them."""
    os.chdir(home)
    settings = load_settings(data=home / "data")
    found = msgspec.json.decode((home / "templates.json").read_bytes(), type=Templates)
    secrets = dict(found.secrets)
    made = _grow(settings.database, found, count)
    async with open_issuers(settings) as issuers:
        issuer = issuers["yzb"]
        write_bodies(
            home,
            REDEEM,
            (
                {
                    "app_id": app_id,
                    "secret": secrets[app_id],
                    "grant_type": "authorization_code",
                    "code": issuer.seal(HandleKind.CODE, row, 0, created_at, salt),
                }
                for row, created_at, salt, app_id in made
            ),
        )


if __name__ == "__main__":
    asyncio.run(make(Path(sys.argv[1]), int(sys.argv[2])))
