from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingpai.core.clock import SystemClock, end_after
from lingpai.core.records import Budget, Caller, CredentialKey
from lingpai.store.port import Store
from tests.store.contenders import Contest, Harness, open_harness
from tests.store.sample import account, fetched

CONTENDERS = 4
ROUNDS = 25
LIMIT = 150
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def contest() -> Iterator[Contest]:
    contest = Contest(CONTENDERS)
    yield contest
    contest.close()


def key(number: int) -> CredentialKey:
    return CredentialKey("wechat", f"wx{number}", b"digest", "access_token")


def name(harness: Harness) -> str:
    return f"contender {harness.number}"


async def race_for_leases(harness: Harness, store: Store) -> list[bool]:
    won = []
    for number in range(ROUNDS):
        harness.barrier.wait()
        won.append((await store.acquire_lease(key(number), name(harness), 0, 600)).lease is not None)
    return won


async def race_for_codes(harness: Harness, store: Store) -> list[bool]:
    won = []
    for number in range(ROUNDS):
        harness.barrier.wait()
        claim = await store.claim_exchange(bytes([number]), name(harness), 600, CLOCK.now() + 600)
        won.append(claim.claimed)
    return won


async def race_to_lead(harness: Harness, store: Store) -> list[bool]:
    won = []
    for number in range(ROUNDS):
        harness.barrier.wait()
        won.append(await store.lead(str(number), name(harness), 600))
    return won


async def race_for_names(harness: Harness, store: Store) -> list[bool]:
    won = []
    for number in range(ROUNDS):
        harness.barrier.wait()
        won.append(await store.add_caller(Caller(name=str(number)), bytes([number, harness.number])))
    return won


async def race_to_drop(harness: Harness, store: Store) -> list[bool]:
    """Claims were made before by `claim_all`, all in the same holder's name."""
    won = []
    for number in range(ROUNDS):
        harness.barrier.wait()
        won.append(await store.drop_exchange(bytes([number]), "claimer"))
    return won


async def race_for_budget(harness: Harness, store: Store) -> int:
    budget = Budget("wx1", "clear", "today", LIMIT, CLOCK.now() + 600)
    uses = [await store.take_budget(budget) for _ in range(LIMIT // 2)]
    return sum(use.granted for use in uses)


async def race_to_renew(harness: Harness, store: Store) -> list[tuple[int, str]]:
    """As the keeper does: whoever gets the lease makes the next version, the others take what is there."""
    kept = []
    seen = 0
    while seen < ROUNDS:
        lease, credential = await store.acquire_lease(key(0), name(harness), seen, 600)
        if lease is None:
            if credential.version <= seen:
                await store.wait_change(1)
            seen = max(seen, credential.version)
            continue
        value = f"{name(harness)} {seen}"
        saved = await store.save_generation(lease, fetched(CLOCK, value), end_after(CLOCK, 300), None)
        assert saved is not None
        kept.append((saved.version, value))
        seen = saved.version
    return kept


async def race_to_save(harness: Harness, store: Store) -> bool:
    new = [await store.save_account(account(secret=f"{harness.number} {n}")) for n in range(ROUNDS)]
    return any(new)


@pytest.mark.parametrize(
    "race", [race_for_leases, race_for_codes, race_to_lead, race_for_names], ids=lambda race: race.__name__
)
def test_one_of_all_wins(contest: Contest, engine_name: str, tmp_path: Path, race: Any) -> None:
    won = contest.run(engine_name, tmp_path, race)
    assert [sum(each) for each in zip(*won, strict=True)] == [1] * ROUNDS


async def test_a_claim_is_dropped_once(contest: Contest, engine_name: str, tmp_path: Path) -> None:
    async with open_harness(engine_name, tmp_path) as store:
        for number in range(ROUNDS):
            await store.claim_exchange(bytes([number]), "claimer", 600, CLOCK.now() + 600)
        won = contest.run(engine_name, tmp_path, race_to_drop)
    assert [sum(each) for each in zip(*won, strict=True)] == [1] * ROUNDS


def test_a_budget_is_never_overdrawn(contest: Contest, engine_name: str, tmp_path: Path) -> None:
    assert sum(contest.run(engine_name, tmp_path, race_for_budget)) == LIMIT


def test_each_version_is_made_once(contest: Contest, engine_name: str, tmp_path: Path) -> None:
    kept = [each for one in contest.run(engine_name, tmp_path, race_to_renew) for each in one]
    assert Counter(version for version, _ in kept) == Counter(range(1, ROUNDS + 1))


async def test_the_last_save_is_whole(contest: Contest, engine_name: str, tmp_path: Path) -> None:
    assert sum(contest.run(engine_name, tmp_path, race_to_save)) == 1
    async with open_harness(engine_name, tmp_path) as store:
        (found,) = await store.find_accounts("wechat", "wx1")
    assert found.secret in {f"{number} {ROUNDS - 1}" for number in range(CONTENDERS)}
