"""A million refreshes of one grant leave one row: ``python -m bench.growth.refreshes COUNT``.

By the verb itself, on a store in a folder of its own (in memory where the system has such a folder: a million waits for
a disk would be all that is measured). Prints how far it is, and in the end what came of it as JSON.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import apsw
import msgspec

from bench.growth.points import Refreshed
from lingpai.core.issuer_records import App
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.service import open_issuers
from lingpai.settings import load_settings

_SAY_EVERY = 20_000


def _rows(database: Path) -> int:
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    (count,) = next(connection.execute("SELECT count(*) FROM issuer_grants"))
    connection.close()
    return int(count)


async def _refresh(issuer: Issuer, count: int) -> float:
    """Refresh a fresh grant; how many times a second that went."""
    app, _ = await admin.add_app(issuer, App(realm=issuer.realm, app_id="100000"))
    user = await admin.add_user(issuer, "bench", "")
    tokens = await redeem(issuer, app, (await issue_code(issuer, app, user, Asked())).code)
    began = time.monotonic()
    for number in range(1, count + 1):
        tokens = await refresh(issuer, app, tokens.refresh_token)
        if number % _SAY_EVERY == 0:
            print(f"{number:,} of {count:,} refreshes", flush=True)
    return count / (time.monotonic() - began)


async def refreshed(folder: Path, count: int) -> Refreshed:
    """Refresh one grant ``count`` times in a fresh store in ``folder``."""
    settings = load_settings(data=folder)
    async with open_issuers(settings) as issuers:
        per_second = await _refresh(issuers["yzb"], count)
    return Refreshed(
        refreshes=count,
        rows=_rows(settings.database),
        kib=round(settings.database.stat().st_size / 1024, 1),
        per_second=round(per_second, 1),
    )


def main(count: int) -> None:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        print(msgspec.json.encode(asyncio.run(refreshed(Path(folder), count))).decode(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
