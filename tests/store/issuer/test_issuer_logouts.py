"""Login sessions end: with what they allowed, and with what their clients have to be notified, in one commit."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from lingpai.core.authorization_records import Logout, Session
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Client, Grant, GrantState
from lingpai.core.user_records import User
from lingpai.issuer import admin
from lingpai.issuer.verbs.members import open_member
from lingpai.store.endings import KEPT, TRIES
from lingpai.store.issuer_port import EndedSessions, IssuerStore, Login, RequestKey
from tests.issuer.engines import rows_of
from tests.issuer.harness import Harness, raises
from tests.store.issuer.issuer_races import NOW, code, new_salt

URI = "https://shop.example/logout"
LEFT = "SELECT count(*) FROM issuer_session_grants"
GRANTS = "SELECT id, state, end_reason FROM issuer_grants ORDER BY id"


@pytest.fixture
async def notified(harness: Harness) -> App:
    """The harness's app, which is notified of logouts and knows the user."""
    await open_member(harness.issuer, harness.app, harness.user)
    return await admin.change_app(harness.issuer, harness.app, client=Client(backchannel_logout_uri=URI))


async def begin(harness: Harness, *, user: int = 0, sid: int = 7, replaces: Session | None = None) -> Session:
    row = user or harness.user.id
    fresh = Session(
        realm=harness.issuer.realm, user=row, salt=new_salt(), created_at=NOW, ends_at=NOW + 9000, sid=sid
    )
    begun = await harness.issuer.store.add_session(fresh, replaces)
    assert begun is not None
    return begun


async def allow(
    harness: Harness,
    session: Session,
    app: App,
    *,
    online: bool = True,
    notified: bool = True,
    used: bool = True,
) -> Grant:
    """A grant of a session, whose code was used or is out."""
    store, own = harness.issuer.store, code(app.id)
    answer = await store.answer_request(
        RequestKey(own.salt.to_bytes(8), NOW + 600), own, Login(session, online=online, notified=notified)
    )
    assert answer.grant is not None
    view = await store.read_grant(answer.grant)
    assert view is not None
    if used:
        assert (await store.redeem(view.grant, NOW, NOW + 5000, None, None)).grant is not None
    return view.grant


async def states(store: IssuerStore) -> dict[int, tuple[int, str]]:
    return {row: (state, reason) for row, state, reason in await rows_of(store, GRANTS)}


async def test_what_was_allowed_in_the_users_presence_ends_with_the_session(
    harness: Harness, notified: App
) -> None:
    store, session = harness.issuer.store, await begin(harness)
    other = await begin(harness, sid=8)
    grants = {
        "online": await allow(harness, session, notified),
        "offline": await allow(harness, session, notified, online=False),
        "code": await allow(harness, session, notified, online=False, used=False),
        "elsewhere": await allow(harness, other, notified),
    }
    ended = await store.end_session(session, NOW + 5)
    found = await states(store)
    over, live = (int(GrantState.ENDED), "logged out"), (int(GrantState.LIVE), "")
    assert {name: found[grant.id] for name, grant in grants.items()} == {
        "online": over,
        "offline": live,
        "code": over,
        "elsewhere": live,
    }
    assert ended.sessions == len(ended.logouts) == 1
    assert await store.read_session(session.id) is None
    assert await rows_of(store, LEFT) == [(1,)]
    assert await store.end_session(session, NOW + 6) == EndedSessions(0)


async def test_each_client_is_notified_once_of_its_own_user_and_session(
    harness: Harness, notified: App
) -> None:
    store, session = harness.issuer.store, await begin(harness, sid=77)
    member = await open_member(harness.issuer, notified, harness.user)
    for app, of_its_own in ((notified, True), (notified, True), (harness.other, True), (notified, False)):
        await open_member(harness.issuer, app, harness.user)
        await allow(harness, session, app, notified=of_its_own)
    (logout,) = (await store.end_session(session, NOW, held=10)).logouts
    assert (logout.app, logout.open_id, logout.sid, logout.realm) == (
        notified.id,
        member.open_id,
        77,
        harness.issuer.realm,
    )
    assert (logout.left, logout.created_at, logout.salt >= 1 << 16) == (TRIES, NOW, True)


async def test_a_client_that_was_not_logged_in_is_not_notified(harness: Harness, notified: App) -> None:
    store, session = harness.issuer.store, await begin(harness)
    await allow(harness, session, notified, notified=False)
    assert await store.end_session(session, NOW) == EndedSessions(1)
    assert await rows_of(store, "SELECT count(*) FROM issuer_logouts") == [(0,)]


Ending = Callable[[Harness, User], Awaitable[object]]


async def _other_user(harness: Harness, _user: User) -> object:
    bob = await admin.add_user(harness.issuer, "bob", "correct horse")
    rows = await rows_of(harness.issuer.store, "SELECT id, salt FROM issuer_sessions")
    mine = Session(
        id=rows[0][0],
        salt=rows[0][1],
        realm=harness.issuer.realm,
        user=harness.user.id,
        created_at=NOW,
        ends_at=NOW + 9000,
        sid=7,
    )
    return await begin(harness, user=bob.id, sid=9, replaces=mine)


ENDINGS: dict[str, Ending] = {
    "everywhere": lambda harness, user: harness.issuer.store.end_sessions(user.id, NOW),
    "logged out by an operator": lambda harness, user: admin.end_sessions(harness.issuer, user),
    "password set": lambda harness, user: admin.set_password(harness.issuer, user, "another horse"),
    "password replaced": lambda harness, user: _replace(harness.issuer.store, user),
    "disabled": lambda harness, user: admin.disable_user(harness.issuer, user),
    "removed": lambda harness, user: admin.remove_user(harness.issuer, user),
    "another user": _other_user,
}


async def _replace(store: IssuerStore, user: User) -> bool:
    found = await store.find_login(user.realm, user.login)
    assert found is not None
    return await store.replace_password(user.id, found[1], "hash", ended_at=NOW)


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
async def test_however_a_session_ends_its_clients_are_notified(
    harness: Harness, notified: App, ending: Ending
) -> None:
    store, session = harness.issuer.store, await begin(harness)
    grant = await allow(harness, session, notified)
    assert await ending(harness, harness.user) is not False
    assert await store.read_session(session.id) is None
    taken = await store.take_logouts(harness.issuer.realm, NOW * 2, NOW * 2 + 60, 10)
    assert [(each.app, each.sid, each.left) for each in taken] == [(notified.id, 7, TRIES + 1)]
    assert (await states(store))[grant.id] == (int(GrantState.ENDED), "logged out")
    assert await rows_of(store, LEFT) == [(0,)]


async def test_a_user_who_is_enabled_again_has_to_log_in(harness: Harness, notified: App) -> None:
    issuer, session = harness.issuer, await begin(harness)
    lives_on = await allow(harness, session, notified, online=False)
    disabled = await admin.disable_user(issuer, harness.user)
    await admin.disable_user(issuer, disabled, disabled=False)
    assert await issuer.store.read_session(session.id) is None
    assert (await states(issuer.store))[lives_on.id][0] == GrantState.LIVE


async def test_the_same_user_logs_in_again_and_nobody_is_notified(harness: Harness, notified: App) -> None:
    store, first = harness.issuer.store, await begin(harness)
    grant = await allow(harness, first, notified)
    second = await begin(harness, replaces=first)
    assert await store.read_session(first.id) is None
    assert (await states(store))[grant.id][0] == GrantState.LIVE
    assert not await store.has_logouts(harness.issuer.realm, NOW * 2)
    (logout,) = (await store.end_session(second, NOW)).logouts
    assert logout.app == notified.id
    assert (await states(store))[grant.id][0] == GrantState.ENDED


async def test_nothing_is_allowed_in_a_session_that_has_ended(harness: Harness, notified: App) -> None:
    store, session = harness.issuer.store, await begin(harness)
    forged = msgspec.structs.replace(session, salt=session.salt ^ 1)
    await store.end_session(session, NOW)
    for gone in (session, forged):
        with raises(Kind.LOGIN_REQUIRED):
            await allow(harness, gone, notified)
    assert await rows_of(store, "SELECT count(*) FROM issuer_grants") == [(0,)]
    assert await rows_of(store, "SELECT count(*) FROM issuer_answers") == [(0,)]


async def test_what_is_allowed_while_a_session_ends_ends_with_it(harness: Harness, notified: App) -> None:
    store = harness.issuer.store

    async def try_to_allow(session: Session) -> Grant | None:
        try:
            return await allow(harness, session, notified, used=False)
        except LingpaiError as error:
            if error.kind is not Kind.LOGIN_REQUIRED:
                raise
            return None

    outcomes: list[bool] = []
    for _ in range(12):
        session = await begin(harness)
        done: list[Any] = await asyncio.gather(
            *(try_to_allow(session) for _ in range(4)),
            store.end_session(session, NOW),
            *(try_to_allow(session) for _ in range(4)),
        )
        ended: EndedSessions = done.pop(4)
        allowed = [grant for grant in done if grant is not None]
        assert bool(allowed) == bool(ended.logouts)
        outcomes += [bool(allowed)]
    found = await states(store)
    assert all(state == GrantState.ENDED for state, _ in found.values())
    assert await rows_of(store, LEFT) == [(0,)]


async def leave(harness: Harness, notified: App, *, held: int = 0) -> Logout:
    session = await begin(harness)
    await allow(harness, session, notified)
    (logout,) = (await harness.issuer.store.end_session(session, NOW, held)).logouts
    return logout


async def test_of_all_who_take_what_is_to_be_sent_one_gets_it(harness: Harness, notified: App) -> None:
    store, realm = harness.issuer.store, harness.issuer.realm
    made = {(await leave(harness, notified)).id for _ in range(6)}
    taken = await asyncio.gather(*(store.take_logouts(realm, NOW, NOW + 60, 2) for _ in range(6)))
    rows = [each.id for batch in taken for each in batch]
    assert sorted(rows) == sorted(made)
    assert not await store.has_logouts(realm, NOW + 59)
    assert not await store.take_logouts("another", NOW + 60, NOW + 99, 9)
    again = await store.take_logouts(realm, NOW + 60, NOW + 90, 9)  # who had it was killed
    assert {each.id for each in again} == made


async def test_a_logout_is_held_postponed_and_forgotten(harness: Harness, notified: App) -> None:
    store, realm = harness.issuer.store, harness.issuer.realm
    logout = await leave(harness, notified, held=10)
    assert not await store.has_logouts(realm, NOW + 9)
    assert await store.has_logouts(realm, NOW + 10)
    (taken,) = await store.take_logouts(realm, NOW + 10, NOW + 70, 9)
    assert taken == logout
    await store.postpone_logout(msgspec.structs.replace(taken, left=2), NOW + 30)
    (later,) = await store.take_logouts(realm, NOW + 30, NOW + 90, 9)
    assert later.left == 2
    await store.remove_logout(msgspec.structs.replace(later, salt=later.salt ^ 1))  # another row's
    assert await store.has_logouts(realm, NOW + 90)
    await store.remove_logout(later)
    assert not await store.has_logouts(realm, NOW * 2)


async def test_both_tables_are_emptied_in_time(harness: Harness, notified: App) -> None:
    store = harness.issuer.store
    await leave(harness, notified)
    session = await begin(harness)
    await allow(harness, session, notified, online=False)
    counts = "SELECT (SELECT count(*) FROM issuer_session_grants), (SELECT count(*) FROM issuer_logouts)"
    assert await store.purge_issuer(NOW + 9000, 100) >= 0
    assert await rows_of(store, counts) == [(1, 1)]
    await store.purge_issuer(NOW + 9001, 100)
    assert await rows_of(store, counts) == [(0, 1)]
    await store.purge_issuer(NOW + KEPT + 1, 100)
    assert await rows_of(store, counts) == [(0, 0)]
