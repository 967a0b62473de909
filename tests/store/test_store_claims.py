import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.records import Budget, BudgetUse, ExchangeClaim
from lingpai.store.port import Store
from tests.store.conftest import OpenStore

TTL = 10.0
CODE = b"digest of a code"


def budget(clock: VirtualClock, limit: int = 2, window: str = "2023-11-14") -> Budget:
    return Budget("wechat/wx1", "clear", window, limit, clock.now() + 60)


async def test_a_budget_is_taken_up_to_its_limit(store: Store, clock: VirtualClock) -> None:
    taken = [await store.take_budget(budget(clock)) for _ in range(4)]
    assert [(use.used, use.granted) for use in taken] == [(1, True), (2, True), (2, False), (2, False)]
    assert taken[-1] == BudgetUse("wechat/wx1", "clear", "2023-11-14", 2, 2, granted=False)
    assert await store.list_budgets() == (taken[-1],)


async def test_a_refusal_is_no_write(open_store: OpenStore, clock: VirtualClock) -> None:
    store = await open_store()
    await store.take_budget(budget(clock, limit=1))
    await store.take_budget(budget(clock, limit=1))
    before = await store.list_budgets()
    for _ in range(3):
        assert not (await store.take_budget(budget(clock, limit=1))).granted
    assert await store.list_budgets() == before


@pytest.mark.parametrize("limit", [0, -1])
async def test_nothing_is_granted_from_nothing(store: Store, clock: VirtualClock, limit: int) -> None:
    for _ in range(2):
        use = await store.take_budget(budget(clock, limit=limit))
        assert (use.used, use.granted) == (0, False)


async def test_a_changed_limit_applies_from_the_next_taking(store: Store, clock: VirtualClock) -> None:
    uses = [await store.take_budget(budget(clock, limit)) for limit in (1, 1, 3, 3, 3, 2, 1)]
    assert [use.granted for use in uses] == [True, False, True, True, False, False, False]
    assert [use.used for use in uses] == [1, 1, 2, 3, 3, 3, 3]
    assert (await store.list_budgets())[0].limit == 1


async def test_budgets_are_apart_by_subject_name_and_window(store: Store, clock: VirtualClock) -> None:
    base = budget(clock, limit=1)
    for each in (base, base._replace(subject="b"), base._replace(name="b"), base._replace(window="b")):
        assert (await store.take_budget(each)).granted
    assert len(await store.list_budgets()) == 4


async def test_a_window_that_is_over_is_not_listed(store: Store, clock: VirtualClock) -> None:
    await store.take_budget(budget(clock))
    clock.advance(59)
    assert len(await store.list_budgets()) == 1
    clock.advance(1)
    assert await store.list_budgets() == ()


async def test_a_code_is_exchanged_by_one(store: Store, clock: VirtualClock) -> None:
    end = clock.now() + 300
    assert await store.claim_exchange(CODE, "a", TTL, end) == ExchangeClaim(claimed=True, answer=None)
    waiting = ExchangeClaim(claimed=False, answer=None)
    assert await store.claim_exchange(CODE, "b", TTL, end) == waiting
    assert await store.claim_exchange(CODE, "a", TTL, end) == waiting
    assert (await store.claim_exchange(b"another", "b", TTL, end)).claimed
    assert not await store.finish_exchange(CODE, "b", "stolen", end)
    assert await store.finish_exchange(CODE, "a", '{"openid": "o1"}', end)
    for holder in "ab":
        claim = await store.claim_exchange(CODE, holder, TTL, end)
        assert claim == ExchangeClaim(claimed=False, answer='{"openid": "o1"}')
    assert not await store.finish_exchange(CODE, "a", "again", end)
    assert not await store.drop_exchange(CODE, "a")


async def test_an_answer_is_kept_until_its_end(store: Store, clock: VirtualClock) -> None:
    await store.claim_exchange(CODE, "a", TTL, clock.now() + 20)
    await store.finish_exchange(CODE, "a", "answer", clock.now() + 300)
    clock.advance(299)
    assert (await store.claim_exchange(CODE, "b", TTL, clock.now() + 300)).answer == "answer"
    clock.advance(1)
    assert await store.claim_exchange(CODE, "b", TTL, clock.now() + 300) == (True, None)
    assert (await store.claim_exchange(CODE, "c", TTL, clock.now() + 300)) == (False, None)


@pytest.mark.parametrize("step", [0.0, 3600.0, -3600.0])
async def test_a_claim_lapses_after_its_ttl(store: Store, clock: VirtualClock, step: float) -> None:
    end = clock.now() + 7200
    await store.claim_exchange(CODE, "a", TTL, end)
    clock.step(step)
    clock.advance(TTL - 1)
    assert not (await store.claim_exchange(CODE, "b", TTL, end)).claimed
    clock.advance(1)
    assert (await store.claim_exchange(CODE, "b", TTL, end)).claimed
    assert not await store.finish_exchange(CODE, "a", "late", end)
    assert not await store.drop_exchange(CODE, "a")
    assert await store.finish_exchange(CODE, "b", "answer", end)


async def test_a_claim_that_nobody_took_over_can_be_finished_late(store: Store, clock: VirtualClock) -> None:
    end = clock.now() + 7200
    await store.claim_exchange(CODE, "a", TTL, end)
    clock.advance(TTL * 2)
    assert await store.finish_exchange(CODE, "a", "answer", end)


async def test_a_dropped_claim_is_free_at_once(store: Store, clock: VirtualClock) -> None:
    end = clock.now() + 300
    await store.claim_exchange(CODE, "a", TTL, end)
    assert not await store.drop_exchange(CODE, "b")
    assert await store.drop_exchange(CODE, "a")
    assert not await store.drop_exchange(CODE, "a")
    assert (await store.claim_exchange(CODE, "b", TTL, end)).claimed


@pytest.mark.parametrize("step", [0.0, 3600.0, -3600.0])
async def test_one_leads_until_its_time_is_over(
    open_store: OpenStore, clock: VirtualClock, step: float
) -> None:
    here, there = await open_store(), await open_store()
    assert await here.lead("renewal", "a", TTL)
    assert not await there.lead("renewal", "b", TTL)
    assert await there.lead("purge", "b", TTL)
    clock.step(step)
    clock.advance(TTL - 1)
    assert await here.lead("renewal", "a", TTL)
    clock.advance(TTL - 1)
    assert not await there.lead("renewal", "b", TTL)
    clock.advance(1)
    assert await there.lead("renewal", "b", TTL)
    assert not await here.lead("renewal", "a", TTL)


async def test_resigning_frees_a_role_of_ones_own(store: Store) -> None:
    await store.lead("renewal", "a", TTL)
    await store.resign("renewal", "b")
    assert not await store.lead("renewal", "b", TTL)
    await store.resign("renewal", "a")
    assert await store.lead("renewal", "b", TTL)
    await store.resign("nothing", "a")


async def test_a_budget_is_read_without_taking_from_it(store: Store, clock: VirtualClock) -> None:
    assert await store.read_budget(budget(clock)) == 0
    await store.take_budget(budget(clock))
    for _ in range(2):
        assert await store.read_budget(budget(clock)) == 1
    assert await store.read_budget(budget(clock, window="another")) == 0
    assert [use.used for use in await store.list_budgets()] == [1]


async def test_a_proof_is_kept_by_its_digest(open_store: OpenStore) -> None:
    store, other = await open_store(), await open_store()
    assert not await store.has_proof(b"one")
    for _ in range(2):
        await store.keep_proof(b"one")
    for each in (store, other):
        assert await each.has_proof(b"one")
        assert not await each.has_proof(b"on")


async def test_a_proof_is_forgotten_half_a_year_after_the_last_time(
    store: Store, clock: VirtualClock
) -> None:
    half_a_year = 180 * 86_400
    await store.keep_proof(b"old")
    clock.advance(86_400)
    await store.keep_proof(b"newer")
    clock.advance(half_a_year - 86_401)
    assert await store.purge(10) == 0
    clock.advance(1)
    assert await store.purge(10) == 1
    assert [await store.has_proof(each) for each in (b"old", b"newer")] == [False, True]
