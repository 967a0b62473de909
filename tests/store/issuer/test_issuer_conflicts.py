import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from lingpai.core.authorization_records import Session
from lingpai.core.errors import Kind
from lingpai.core.issuer_records import App, GrantState, Member, Secret, Terminal
from lingpai.core.user_records import User
from lingpai.store.issuer_port import Answer, IssuerStore, RequestKey
from tests.helpers.effort import FULL
from tests.helpers.postgres import database_at
from tests.issuer.engines import beside, rows_of
from tests.issuer.harness import raises
from tests.store.contenders import Contest, open_harness
from tests.store.issuer import issuer_races as races
from tests.store.issuer import registration_races as registrations
from tests.store.issuer.issuer_races import LATER, LIMIT, NOW, code
from tests.store.postgresql.hardship import until

CONTENDERS = 4
ROUNDS = 200 if FULL else 6

Run = Callable[..., list[Any]]
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
"""How many wait for whoever asks."""
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def contest() -> Iterator[Contest]:
    opened = Contest(CONTENDERS)
    yield opened
    opened.close()


@pytest.fixture
async def issuer(engine_name: str, tmp_path: Path) -> AsyncIterator[IssuerStore]:
    async with open_harness(engine_name, tmp_path) as store:
        yield beside(store)


@pytest.fixture
def run(contest: Contest, engine_name: str, tmp_path: Path) -> Run:
    """What a race returned in each process."""

    def run_race(race: Callable[..., Any], *arguments: Any) -> list[Any]:
        return contest.run(engine_name, tmp_path, partial(_race, race, arguments))

    return run_race


async def _race(race: Callable[..., Any], rest: tuple[Any, ...], harness: Any, store: Any) -> Any:
    return await race(harness, store, *rest)


async def add_app(issuer: IssuerStore, name: str = "app") -> int:
    added = await issuer.add_app(App(realm="r", app_id=name, owner="o"))
    assert added is not None
    return added.id


async def add_user(issuer: IssuerStore, login: str = "ann") -> int:
    added = await issuer.add_user(User(realm="r", login=login), "")
    assert added is not None
    return added.id


async def add_terminal(issuer: IssuerStore, code: str) -> int:
    return (await issuer.save_terminal(Terminal(realm="r", machine_code=code), NOW)).id


async def add_codes(issuer: IssuerStore, app: int, count: int, terminal: int | None = None) -> list[int]:
    added = await asyncio.gather(*(issuer.add_grant(code(app, terminal)) for _ in range(count)))
    return [grant.id for grant in added]


async def live_of(issuer: IssuerStore, where: str) -> int:
    rows = await rows_of(issuer, f"SELECT count(*) FROM issuer_grants WHERE state = 1 AND {where}")
    return int(rows[0][0])


async def test_ending_all_ends_what_was_there_and_nothing_that_comes_after(
    issuer: IssuerStore, run: Run
) -> None:
    apps = [await add_app(issuer, str(number)) for number in range(ROUNDS)]
    results = run(races.end_while_others_add, apps)
    for number in range(ROUNDS):
        ended, *own = results[0][number]
        before = after = 0
        for span in [*own, *(span for result in results[1:] for span in result[number][1:])]:
            view = await issuer.read_grant(span.row)
            assert view is not None
            if span.ended < ended.began:
                assert not view.usable
                before += 1
            if span.began > ended.ended:
                assert view.usable
                after += 1
        assert before
        assert after


async def test_a_quota_is_taken_to_its_limit_and_no_further(issuer: IssuerStore, run: Run) -> None:
    app = await add_app(issuer)
    codes = [await add_codes(issuer, app, 24) for _ in range(ROUNDS)]
    taken = run(races.take_quotas, codes, app)
    assert [sum(each) for each in zip(*taken, strict=True)] == [LIMIT] * ROUNDS


async def test_of_all_who_saw_the_same_in_a_place_one_gets_it(issuer: IssuerStore, run: Run) -> None:
    app = await add_app(issuer)
    for number in range(ROUNDS):
        await add_terminal(issuer, str(number))
    results = run(races.place_as_seen, ROUNDS, app)
    for counts in zip(*results, strict=True):
        total: Counter[tuple[str, int]] = sum(counts, Counter())
        assert len({row for _, row in total}) == 1
        assert {outcome: count for (outcome, _), count in total.items()} == {
            "done": 1,
            "repeated": CONTENDERS * races.CALLERS - 1,
        }
    assert await live_of(issuer, "kind = 2") == ROUNDS


async def test_a_terminal_has_one_live_grant_however_many_codes_are_redeemed(
    issuer: IssuerStore, run: Run
) -> None:
    app = await add_app(issuer)
    terminals = [await add_terminal(issuer, str(number)) for number in range(ROUNDS)]
    codes = [await add_codes(issuer, app, 32, terminal) for terminal in terminals]
    assert sum(run(races.redeem_for_a_place, codes)) == 32 * ROUNDS
    for terminal in terminals:
        assert await live_of(issuer, f"machine_row = {terminal}") == 1
        listed = await issuer.list_slot(code(app, terminal), NOW - 1, 100)
        assert len(listed) == 32  # each knows whom it superseded: one chain, with nobody lost
        assert [grant.state for grant in listed] == [GrantState.LIVE] + [GrantState.SUPERSEDED] * 31


async def test_a_signed_request_counts_once_whatever_it_asks_for(issuer: IssuerStore, run: Run) -> None:
    app = await add_app(issuer)
    for number in range(ROUNDS):
        await add_terminal(issuer, str(number))
    codes = [await add_codes(issuer, app, 16) for _ in range(ROUNDS)]
    for counts in zip(*run(races.send_one_request, codes, app), strict=True):
        total: Counter[str] = sum(counts, Counter())
        assert total == {"done": 1, "same_request": 19}
    spent = await rows_of(issuer, "SELECT count(*) FROM issuer_grants WHERE generation > 0")
    assert spent == [(ROUNDS,)]  # nothing was spent for the others


async def test_a_shown_key_is_good_once(issuer: IssuerStore, run: Run) -> None:
    app = await add_app(issuer)
    terminals = [await add_terminal(issuer, str(number)) for number in range(ROUNDS)]
    for terminal in terminals:
        assert await issuer.set_key(terminal, b"shown", LATER)
    assert [sum(each) for each in zip(*run(races.show_one_key, terminals, app), strict=True)] == [1] * ROUNDS
    assert await live_of(issuer, "kind = 2") == ROUNDS


async def test_an_authorization_request_has_one_answer(issuer: IssuerStore, run: Run) -> None:
    app = await add_app(issuer)
    for answers in zip(*run(races.answer_one_request, ROUNDS, app), strict=True):
        assert len(set.union(*answers)) == 1
        assert 0 not in set.union(*answers)
    assert await rows_of(issuer, "SELECT count(*) FROM issuer_grants") == [(ROUNDS,)]
    assert await issuer.read_answer(b"another") is None


async def test_a_refusal_is_the_last_answer(issuer: IssuerStore, run: Run) -> None:
    app = await add_app(issuer)
    for answers in zip(*run(races.refuse_one_request, ROUNDS, app), strict=True):
        assert len(set.union(*answers)) <= 1
    request = RequestKey(b"request 0", LATER)
    assert await issuer.read_answer(request.digest) == Answer(None)
    assert await issuer.answer_request(request, code(app)) == Answer(None)
    assert await issuer.refuse_request(request) == Answer(None)


async def test_attempts_are_counted_all_or_none(issuer: IssuerStore, run: Run) -> None:
    passed = run(races.attempt, ROUNDS)
    assert [sum(each) for each in zip(*passed, strict=True)] == [LIMIT - 10] * ROUNDS
    assert set(await rows_of(issuer, "SELECT used FROM issuer_attempts")) == {(LIMIT - 10,)}


async def test_members_are_opened_once_and_counted_right(issuer: IssuerStore, run: Run) -> None:
    app = await add_app(issuer)
    users = [await add_user(issuer, str(number)) for number in range(20)]
    opened = run(races.open_members, app, users)
    for members in zip(*opened, strict=True):
        assert len({(member.id, member.open_id, member.union_id) for member in members}) == 1
    rows = [member.id for member in opened[0]]
    run(races.add_apps_to_users, rows)
    assert await issuer.count_members(app) == sum(row % 2 == 0 for row in rows)
    assert len(await issuer.list_members(app, 0, 100)) == sum(row % 2 == 0 for row in rows)


async def test_nodes_that_purge_at_once_each_remove_their_own(issuer: IssuerStore, run: Run) -> None:
    app = await add_app(issuer)
    await add_codes(issuer, app, 1000)
    assert sum(run(races.purge_together)) == 1000
    assert await rows_of(issuer, "SELECT count(*) FROM issuer_grants") == [(0,)]


async def test_of_many_changes_of_one_app_at_once_one_is_made_whole(issuer: IssuerStore) -> None:
    app = await add_app(issuer)
    for _ in range(ROUNDS):
        known = await issuer.read_app(app)
        assert known is not None
        pairs = [tuple(Secret(os.urandom(32)) for _ in range(2)) for _ in range(8)]
        changes = [msgspec.structs.replace(known, secrets=pair) for pair in pairs]
        made = await asyncio.gather(*(issuer.change_app(known, each) for each in changes))
        assert sum(made) == 1
        assert await issuer.read_app(app) == changes[made.index(True)]


async def test_locks_are_taken_in_one_order(
    issuer: IssuerStore, run: Run, engine_name: str, tmp_path: Path
) -> None:
    app = await add_app(issuer)
    for number in range(5):
        await add_terminal(issuer, str(number))
    counts: Counter[str] = sum(run(races.do_anything, app, 1), Counter())
    assert counts.total() == CONTENDERS * races.CALLERS * 25
    assert counts["done"] > 0
    if engine_name == "postgresql":
        connection = await asyncpg.connect(await database_at(tmp_path))
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert await connection.fetchval(query) == 0
        await connection.close()


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
@pytest.mark.parametrize("replaces", [None, Session(id=1, realm="r", salt=9, created_at=NOW, ends_at=LATER)])
async def test_a_session_waits_for_a_password_that_is_being_replaced(
    issuer: IssuerStore, tmp_path: Path, replaces: Session | None
) -> None:
    user = await add_user(issuer)
    session = Session(realm="r", user=user, salt=1, created_at=NOW, ends_at=LATER)
    operator = await asyncpg.connect(await database_at(tmp_path))
    try:
        async with operator.transaction():
            await operator.execute("UPDATE issuer_users SET password_hash = 'new' WHERE id = $1", user)
            late = asyncio.ensure_future(issuer.add_session(session, replaces, ""))
            async with asyncio.timeout(4):
                await until(lambda: operator.fetchval(BLOCKED))
        assert await late is None
    finally:
        await operator.close()
    assert await issuer.add_session(session, replaces, "new") is not None


async def test_sessions_of_one_turn_are_each_for_their_own_password(issuer: IssuerStore) -> None:
    users = [await add_user(issuer, login) for login in ("ann", "bob")]
    asked = [(users[0], ""), (users[1], "wrong"), (users[1], ""), (None, None), (999, "")]
    added = await asyncio.gather(
        *(
            issuer.add_session(
                Session(realm="r", user=user, salt=1, created_at=NOW, ends_at=LATER), None, verified
            )
            for user, verified in asked
        )
    )
    assert [each.user if each else None for each in added] == [users[0], None, users[1], None, None]
    assert [each is None for each in added] == [False, True, False, False, True]


async def test_no_terminal_is_bound_to_an_app_that_was_removed(issuer: IssuerStore) -> None:
    app, terminal = await add_app(issuer), await add_terminal(issuer, "m")
    assert await issuer.bind_terminal(terminal, app)
    assert await issuer.remove_app(app)
    assert not await issuer.bind_terminal(terminal, app)
    assert await rows_of(issuer, "SELECT bound_app_row FROM issuer_machines") == [(None,)]


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_no_terminal_is_bound_to_an_app_that_is_being_removed(
    issuer: IssuerStore, tmp_path: Path
) -> None:
    app, terminal = await add_app(issuer), await add_terminal(issuer, "m")
    operator = await asyncpg.connect(await database_at(tmp_path))
    try:
        async with operator.transaction():
            await operator.execute("DELETE FROM issuer_apps WHERE id = $1", app)
            late = asyncio.ensure_future(issuer.bind_terminal(terminal, app))
            async with asyncio.timeout(4):
                await until(lambda: operator.fetchval(BLOCKED))
        assert not await late
    finally:
        await operator.close()


@pytest.mark.parametrize("owner", ["", "o"])
async def test_nobody_becomes_a_member_of_an_app_that_was_removed(issuer: IssuerStore, owner: str) -> None:
    app, user = await add_app(issuer), await add_user(issuer)
    assert await issuer.remove_app(app)
    member = Member(app=app, user=user, open_id="o", union_id="u", created_at=NOW)
    with raises(Kind.INVALID_OPEN_ID):
        await issuer.open_member(member, owner)
    assert await rows_of(issuer, "SELECT id FROM issuer_members") == []


async def test_a_refused_attempt_begins_no_window(issuer: IssuerStore) -> None:
    caller, account = (b"caller", 1), (b"account", 1)
    assert await issuer.take_attempts([caller], 100, 160) is None
    assert await issuer.take_attempts([caller, account], 101, 161) == 160
    assert await issuer.take_attempts([account], 150, 210) is None
    assert await issuer.take_attempts([account], 161, 221) == 210


async def test_where_no_attempt_is_allowed_there_is_none(issuer: IssuerStore) -> None:
    for _ in range(2):
        assert await issuer.take_attempts([(b"account", 0)], 100, 160) == 160


async def test_of_all_who_register_with_the_last_use_of_a_token_one_does(
    issuer: IssuerStore, run: Run
) -> None:
    tokens = [
        await issuer.add_initial_token(registrations.initial_token(1 + number % 3)) for number in range(9)
    ]
    counts = run(registrations.register_with, [token.id for token in tokens])
    assert [sum(each) for each in zip(*counts, strict=True)] == [token.uses for token in tokens]
    assert len(await issuer.list_apps("r")) == sum(token.uses or 0 for token in tokens)


@pytest.mark.threat("L118")
async def test_nothing_that_was_removed_comes_back_by_a_change(issuer: IssuerStore, run: Run) -> None:
    apps = [await issuer.register_app(registrations.fresh_app(f"{number}"), NOW) for number in range(20)]
    found = run(registrations.change_and_remove, [app.id for app in apps if app is not None])
    for each in zip(*found, strict=True):
        changed, removed = map(sum, zip(*each, strict=True))
        assert removed == 1
        assert changed <= 1
    assert await issuer.list_apps("r") == ()
