import asyncio
import multiprocessing
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from lingpai.core.clock import SystemClock
from lingpai.core.records import Budget
from lingpai.store.port import Store
from tests.store.contenders import PATIENCE, open_harness
from tests.store.sample import account

WRITERS = 8
ENOUGH = 300


async def _write(number: int, store: Store, pipe: Connection) -> None:
    clock = SystemClock()
    for turn in range(1_000_000):
        await store.take_budget(Budget(str(number), "n", str(turn), 1, clock.now() + 3600))
        await store.save_account(account(f"wx{number}-{turn}", secret=f"secret {number} {turn}"))
        pipe.send((number, turn))


def write_for_ever(engine: str, home: Path, pipe: Connection) -> None:
    async def main() -> None:
        async with open_harness(engine, home) as store:
            await asyncio.gather(*(_write(number, store, pipe) for number in range(WRITERS)))

    asyncio.run(main())


@pytest.mark.parametrize("times", [3])
async def test_what_was_acknowledged_survives_a_kill(engine_name: str, tmp_path: Path, times: int) -> None:
    context = multiprocessing.get_context("spawn")
    for attempt in range(times):
        home = tmp_path / str(attempt)
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=write_for_ever, args=(engine_name, home, theirs))
        process.start()
        theirs.close()
        acknowledged: list[tuple[int, int]] = []
        while len(acknowledged) < ENOUGH:
            assert ours.poll(PATIENCE)
            acknowledged.append(ours.recv())
        process.kill()
        process.join(PATIENCE)
        assert process.exitcode == -signal.SIGKILL
        process.close()
        while ours.poll():
            try:
                acknowledged.append(ours.recv())
            except EOFError:
                break
        ours.close()
        async with open_harness(engine_name, home) as store:
            saved = {each.account: each.secret for each in await store.list_accounts()}
            taken = {(use.subject, use.window) for use in await store.list_budgets()}
            await store.ping()
        for number, turn in acknowledged:
            assert saved[f"wx{number}-{turn}"] == f"secret {number} {turn}"
            assert (str(number), str(turn)) in taken
