"""A process of its own that races others for one value; run as `python -m tests.keeper.racer`.

For each line of JSON on standard input it makes that many requests at once, and answers with a line of JSON: every
distinct thing that came of them.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, TextIO

from lingpai.keeper.app import App
from lingpai.keeper.exchange import exchange
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.reporting import report
from lingpai.service import open_keeper
from tests.keeper.harness import settings_of


async def _one(keeper: Keeper, app: App, what: str, value: str) -> str:
    if what == "exchange":
        return str((await exchange(keeper, app, "oauth", value))["access_token"])
    if what == "report":
        credential = await keeper.store.find_credential(value)
        return await report(keeper, app, credential, value) if credential is not None else "gone"
    return current_of(await keeper.credentials.get_or_fetch(app, what)).value


async def _answer(keeper: Keeper, order: dict[str, Any]) -> list[str]:
    (account,) = await keeper.store.find_accounts(order["platform"], order["account"])
    app = keeper.app_of(account)
    made = (_one(keeper, app, order["what"], order["value"]) for _ in range(order["times"]))
    return sorted(set(await asyncio.gather(*made)))


async def race(data: Path, url: str, out: TextIO) -> None:
    """Open the service's keeper, say so, and do what each line wants, until there are no more."""
    async with open_keeper(settings_of(data, url)) as keeper:
        out.write("ready\n")
        out.flush()
        while line := await asyncio.to_thread(sys.stdin.readline):
            out.write(json.dumps(await _answer(keeper, json.loads(line))) + "\n")
            out.flush()


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # what is logged must not get between the answers
    asyncio.run(race(Path(sys.argv[1]), sys.argv[2], answers))
