import asyncio

import msgspec
import pytest

from lingpai.core.issuer_records import App, Grant, GrantState, Terminal
from lingpai.store.issuer_port import IssuerStore, Outcome, Quota, SlotResult, Spent
from tests.store.issuer.issuer_races import LATER, LIMIT, NOW, code, quota, token

GUARDS = {"alone": None, "with a quota": quota(1, 0)}
"""What spends one row alone may take another way through an engine than what has more to guard."""

pytestmark = pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS.keys())


async def add(store: IssuerStore, grant: Grant) -> Grant:
    added = await store.add_grant(grant)
    assert added is not None
    return added


async def read(store: IssuerStore, grant: Grant) -> Grant:
    view = await store.read_grant(grant.id)
    assert view is not None
    return view.grant


async def redeemed(store: IssuerStore, guard: Quota | None, **changes: int) -> Grant:
    fresh = await add(store, msgspec.structs.replace(code(1), **changes))
    spent = await store.redeem(fresh, NOW, LATER, None, guard)
    assert spent.outcome is Outcome.DONE
    assert spent.grant is not None
    assert spent.grant == await read(store, fresh)
    return spent.grant


async def test_a_code_is_good_until_its_exact_end(store: IssuerStore, guard: Quota | None) -> None:
    late, early = await add(store, code(1)), await add(store, code(1))
    assert (await store.redeem(late, late.ends_at, LATER, None, guard)).outcome is Outcome.GONE
    assert await read(store, late) == late
    assert (await store.redeem(early, early.ends_at - 1, LATER, None, guard)).outcome is Outcome.DONE
    assert (await store.redeem(early, early.ends_at - 1, LATER, None, guard)).outcome is Outcome.REPLAYED


async def test_a_refresh_token_is_good_until_its_grants_exact_end(
    store: IssuerStore, guard: Quota | None
) -> None:
    grant = await redeemed(store, guard)
    gone = await store.rotate(grant, 1, grant.ends_at, LATER * 2, 60, guard, end_replayed=True)
    assert gone.outcome is Outcome.GONE
    assert await read(store, grant) == grant
    done = await store.rotate(grant, 1, grant.ends_at - 1, LATER * 2, 60, guard, end_replayed=True)
    assert done.outcome is Outcome.DONE
    assert done.grant == await read(store, grant)


async def test_nothing_reaches_beyond_the_limit(store: IssuerStore, guard: Quota | None) -> None:
    grant = await redeemed(store, guard, limit_at=NOW + 700)
    assert grant.ends_at == NOW + 700
    spent = await store.rotate(grant, 1, NOW + 1, LATER, 60, guard, end_replayed=True)
    assert spent.grant == await read(store, grant)
    assert spent.grant is not None
    assert (spent.grant.ends_at, spent.grant.generation) == (NOW + 700, 2)


@pytest.mark.parametrize(("after", "outcome"), [(59, Outcome.REPEATED), (60, Outcome.REPLAYED)])
@pytest.mark.parametrize("end_replayed", [True, False])
async def test_a_used_refresh_token_is_repeated_in_its_window(
    store: IssuerStore, guard: Quota | None, after: int, outcome: Outcome, *, end_replayed: bool
) -> None:
    grant = await redeemed(store, guard)
    moved = (await store.rotate(grant, 1, NOW + 5, LATER, 60, guard, end_replayed=end_replayed)).grant
    again = await store.rotate(grant, 1, NOW + 5 + after, LATER, 60, guard, end_replayed=end_replayed)
    assert (again.outcome, again.grant) == (outcome, moved)
    ended = outcome is Outcome.REPLAYED and end_replayed
    assert (await read(store, grant)).state is (GrantState.ENDED if ended else GrantState.LIVE)
    ahead = await store.rotate(grant, 9, NOW + 6, LATER, 60, guard, end_replayed=end_replayed)
    assert ahead.outcome is (Outcome.GONE if ended else Outcome.DONE)
    assert ahead.grant == await read(store, grant)
    assert ended or ahead.grant.generation == 10


@pytest.mark.parametrize(("keep", "ends_at"), [(100, NOW + 100), (10**6, LATER)])
async def test_superseding_shortens_and_never_prolongs(
    store: IssuerStore, guard: Quota | None, keep: int, ends_at: int
) -> None:
    app, terminal = await store.add_app(App(realm="r", app_id="a")), Terminal(realm="r", machine_code="m")
    assert app is not None
    row = (await store.save_terminal(terminal, NOW)).id
    first, second = await add(store, code(app.id, row)), await add(store, code(app.id, row))
    for grant in (first, second):
        assert (await store.redeem(grant, NOW, LATER, keep, guard)).outcome is Outcome.DONE
    superseded = await read(store, first)
    assert (superseded.state, superseded.ends_at) == (GrantState.SUPERSEDED, ends_at)
    assert [each.id for each in await store.list_slot(first, NOW, 9)] == [second.id, first.id]
    assert await store.read_slot(first) == second.id


async def test_a_place_goes_to_who_saw_its_holder_and_to_anybody_once_that_is_over(
    store: IssuerStore, guard: Quota | None
) -> None:
    app = await store.add_app(App(realm="r", app_id="a"))
    assert app is not None
    first = await store.take_slot(token(app.id), seen=0, keep=50, quota=guard)
    assert (first.outcome, first.grant is not None) == (Outcome.DONE, True)
    assert first.grant is not None
    other = await store.take_slot(token(app.id), seen=0, keep=50, quota=guard)
    assert other == SlotResult(Outcome.REPEATED, first.grant)
    late = msgspec.structs.replace(token(app.id), created_at=LATER, ends_at=LATER + 9)
    third = await store.take_slot(late, seen=0, keep=50, quota=guard)
    assert third.outcome is Outcome.DONE
    assert third.grant is not None
    assert await read(store, third.grant) == third.grant
    fourth = await store.take_slot(late, seen=third.grant.id, keep=5, quota=guard)
    assert fourth.outcome is Outcome.DONE
    before = await read(store, third.grant)
    assert (before.state, before.ends_at) == (GrantState.SUPERSEDED, LATER + 5)
    assert before.end_reason == "superseded"
    known = await store.list_grants("r", LATER, None, 9)
    late_again = await store.take_slot(late, seen=third.grant.id, keep=5, quota=guard)
    assert late_again == SlotResult(Outcome.REPEATED, fourth.grant)
    assert await store.list_grants("r", LATER, None, 9) == known


async def test_what_is_refused_spends_nothing(store: IssuerStore, guard: Quota | None) -> None:
    full = quota(1, 1)
    for _ in range(LIMIT):
        assert await store.take_quota(full)
    assert not await store.take_quota(full)
    fresh, live = await add(store, code(1)), await redeemed(store, guard)
    assert await store.redeem(fresh, NOW, LATER, None, full) == Spent(Outcome.LIMITED, None)
    assert (await store.rotate(live, 1, NOW, LATER, 60, full, end_replayed=True)) == Spent(
        Outcome.LIMITED, live
    )
    assert await store.take_slot(token(1), seen=0, keep=0, quota=full) == SlotResult(Outcome.LIMITED, None)
    assert (await read(store, fresh), await read(store, live)) == (fresh, live)
    assert await store.read_slot(token(1)) == 0


async def test_who_race_for_one_code_or_token_in_one_group_are_distinguished(
    store: IssuerStore, guard: Quota | None
) -> None:
    """What is written together is won and lost row by row."""
    codes = [await add(store, code(1)) for _ in range(3)]
    spent = await asyncio.gather(
        *(store.redeem(each, NOW, LATER, None, guard) for each in codes for _ in range(3))
    )
    for each, mine in zip(codes, (spent[:3], spent[3:6], spent[6:]), strict=True):
        assert sorted(one.outcome.value for one in mine) == ["done", "replayed", "replayed"]
        assert {one.outcome: one.grant for one in mine} == dict.fromkeys(
            (Outcome.DONE, Outcome.REPLAYED), await read(store, each)
        )
    live = await read(store, codes[0])
    rotated = await asyncio.gather(
        *(store.rotate(live, 1, NOW + 1, LATER, 60, guard, end_replayed=True) for _ in range(3))
    )
    assert sorted(each.outcome.value for each in rotated) == ["done", "repeated", "repeated"]
    assert [each.grant for each in rotated] == [await read(store, live)] * 3


async def test_who_ask_for_an_apps_token_in_one_group_get_the_same(
    store: IssuerStore, guard: Quota | None
) -> None:
    apps = [await store.add_app(App(realm="r", app_id=name)) for name in "ab"]
    asked = [token(app.id) for app in apps if app is not None for _ in range(4)]
    before = [
        await store.take_slot(msgspec.structs.replace(each, salt=each.salt + 1), seen=0, keep=50, quota=None)
        for each in asked[::4]
    ]
    seen = {placed.grant.app: placed.grant.id for placed in before if placed.grant is not None}
    placed = await asyncio.gather(
        *(store.take_slot(each, seen=seen[each.app], keep=50, quota=guard) for each in asked)
    )
    for mine in (placed[:4], placed[4:]):
        assert sorted(each.outcome.value for each in mine) == ["done", "repeated", "repeated", "repeated"]
        grants = [each.grant for each in mine if each.grant is not None]
        assert grants == [await read(store, grants[0])] * 4
        assert await store.read_slot(grants[0]) == grants[0].id
        assert grants[0].id not in seen.values()
    forced = await asyncio.gather(
        *(store.take_slot(each, seen=None, keep=50, quota=guard) for each in asked[:3])
    )
    assert [each.outcome for each in forced] == [Outcome.DONE] * 3
    assert len({each.grant.id for each in forced if each.grant is not None}) == 3
