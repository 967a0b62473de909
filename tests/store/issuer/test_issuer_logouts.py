"""Login sessions end: with what they allowed, and with what their clients have to be told, in one commit."""

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
from tests.issuer.worlds import World, raises
from tests.store.issuer.issuer_races import NOW, code, new_salt

URI = "https://shop.example/logout"
LEFT = "SELECT count(*) FROM issuer_session_grants"
GRANTS = "SELECT id, state, end_reason FROM issuer_grants ORDER BY id"


@pytest.fixture
async def told(world: World) -> App:
    """The world's app, which is told of logouts and knows the user."""
    await open_member(world.issuer, world.app, world.user)
    return await admin.change_app(world.issuer, world.app, client=Client(backchannel_logout_uri=URI))


async def begin(world: World, *, user: int = 0, sid: int = 7, replaces: Session | None = None) -> Session:
    row = user or world.user.id
    fresh = Session(
        realm=world.issuer.realm, user=row, salt=new_salt(), created_at=NOW, ends_at=NOW + 9000, sid=sid
    )
    begun = await world.issuer.store.add_session(fresh, replaces)
    assert begun is not None
    return begun


async def allow(
    world: World, session: Session, app: App, *, online: bool = True, told: bool = True, used: bool = True
) -> Grant:
    """A grant of a session, whose code was used or is out."""
    store, own = world.issuer.store, code(app.id)
    answer = await store.answer_request(
        RequestKey(own.salt.to_bytes(8), NOW + 600), own, Login(session, online=online, told=told)
    )
    assert answer.grant is not None
    view = await store.read_grant(answer.grant)
    assert view is not None
    if used:
        assert (await store.redeem(view.grant, NOW, NOW + 5000, None, None)).grant is not None
    return view.grant


async def states(store: IssuerStore) -> dict[int, tuple[int, str]]:
    return {row: (state, reason) for row, state, reason in await rows_of(store, GRANTS)}


async def test_what_was_allowed_in_the_users_presence_ends_with_the_session(world: World, told: App) -> None:
    store, session = world.issuer.store, await begin(world)
    other = await begin(world, sid=8)
    grants = {
        "online": await allow(world, session, told),
        "offline": await allow(world, session, told, online=False),
        "code": await allow(world, session, told, online=False, used=False),
        "elsewhere": await allow(world, other, told),
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


async def test_each_client_is_told_once_of_its_own_user_and_session(world: World, told: App) -> None:
    store, session = world.issuer.store, await begin(world, sid=77)
    member = await open_member(world.issuer, told, world.user)
    for app, of_its_own in ((told, True), (told, True), (world.other, True), (told, False)):
        await open_member(world.issuer, app, world.user)
        await allow(world, session, app, told=of_its_own)
    (logout,) = (await store.end_session(session, NOW, held=10)).logouts
    assert (logout.app, logout.open_id, logout.sid, logout.realm) == (
        told.id,
        member.open_id,
        77,
        world.issuer.realm,
    )
    assert (logout.left, logout.created_at, logout.salt >= 1 << 16) == (TRIES, NOW, True)


async def test_a_client_that_was_not_logged_in_is_not_told(world: World, told: App) -> None:
    store, session = world.issuer.store, await begin(world)
    await allow(world, session, told, told=False)
    assert await store.end_session(session, NOW) == EndedSessions(1)
    assert await rows_of(store, "SELECT count(*) FROM issuer_logouts") == [(0,)]


Ending = Callable[[World, User], Awaitable[object]]


async def _other_user(world: World, _user: User) -> object:
    bob = await admin.add_user(world.issuer, "bob", "correct horse")
    rows = await rows_of(world.issuer.store, "SELECT id, salt FROM issuer_sessions")
    mine = Session(
        id=rows[0][0],
        salt=rows[0][1],
        realm=world.issuer.realm,
        user=world.user.id,
        created_at=NOW,
        ends_at=NOW + 9000,
        sid=7,
    )
    return await begin(world, user=bob.id, sid=9, replaces=mine)


ENDINGS: dict[str, Ending] = {
    "everywhere": lambda world, user: world.issuer.store.end_sessions(user.id, NOW),
    "logged out by an operator": lambda world, user: admin.end_sessions(world.issuer, user),
    "password set": lambda world, user: admin.set_password(world.issuer, user, "another horse"),
    "password replaced": lambda world, user: _replace(world.issuer.store, user),
    "disabled": lambda world, user: admin.disable_user(world.issuer, user),
    "removed": lambda world, user: admin.remove_user(world.issuer, user),
    "another user": _other_user,
}


async def _replace(store: IssuerStore, user: User) -> bool:
    found = await store.find_login(user.realm, user.login)
    assert found is not None
    return await store.replace_password(user.id, found[1], "hash", ended_at=NOW)


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
async def test_however_a_session_ends_its_clients_are_told(world: World, told: App, ending: Ending) -> None:
    store, session = world.issuer.store, await begin(world)
    grant = await allow(world, session, told)
    assert await ending(world, world.user) is not False
    assert await store.read_session(session.id) is None
    taken = await store.take_logouts(world.issuer.realm, NOW * 2, NOW * 2 + 60, 10)
    assert [(each.app, each.sid, each.left) for each in taken] == [(told.id, 7, TRIES + 1)]
    assert (await states(store))[grant.id] == (int(GrantState.ENDED), "logged out")
    assert await rows_of(store, LEFT) == [(0,)]


async def test_a_user_who_is_enabled_again_has_to_log_in(world: World, told: App) -> None:
    issuer, session = world.issuer, await begin(world)
    lives_on = await allow(world, session, told, online=False)
    disabled = await admin.disable_user(issuer, world.user)
    await admin.disable_user(issuer, disabled, disabled=False)
    assert await issuer.store.read_session(session.id) is None
    assert (await states(issuer.store))[lives_on.id][0] == GrantState.LIVE


async def test_the_same_user_logs_in_again_and_nobody_is_told(world: World, told: App) -> None:
    store, first = world.issuer.store, await begin(world)
    grant = await allow(world, first, told)
    second = await begin(world, replaces=first)
    assert await store.read_session(first.id) is None
    assert (await states(store))[grant.id][0] == GrantState.LIVE
    assert not await store.has_logouts(world.issuer.realm, NOW * 2)
    (logout,) = (await store.end_session(second, NOW)).logouts
    assert logout.app == told.id
    assert (await states(store))[grant.id][0] == GrantState.ENDED


async def test_nothing_is_allowed_in_a_session_that_has_ended(world: World, told: App) -> None:
    store, session = world.issuer.store, await begin(world)
    forged = msgspec.structs.replace(session, salt=session.salt ^ 1)
    await store.end_session(session, NOW)
    for gone in (session, forged):
        with raises(Kind.LOGIN_REQUIRED):
            await allow(world, gone, told)
    assert await rows_of(store, "SELECT count(*) FROM issuer_grants") == [(0,)]
    assert await rows_of(store, "SELECT count(*) FROM issuer_answers") == [(0,)]


async def test_what_is_allowed_while_a_session_ends_ends_with_it(world: World, told: App) -> None:
    store = world.issuer.store

    async def try_to_allow(session: Session) -> Grant | None:
        try:
            return await allow(world, session, told, used=False)
        except LingpaiError as error:
            if error.kind is not Kind.LOGIN_REQUIRED:
                raise
            return None

    outcomes: list[bool] = []
    for _ in range(12):
        session = await begin(world)
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


async def leave(world: World, told: App, *, held: int = 0) -> Logout:
    session = await begin(world)
    await allow(world, session, told)
    (logout,) = (await world.issuer.store.end_session(session, NOW, held)).logouts
    return logout


async def test_of_all_who_take_what_is_to_be_told_one_gets_it(world: World, told: App) -> None:
    store, realm = world.issuer.store, world.issuer.realm
    made = {(await leave(world, told)).id for _ in range(6)}
    taken = await asyncio.gather(*(store.take_logouts(realm, NOW, NOW + 60, 2) for _ in range(6)))
    rows = [each.id for batch in taken for each in batch]
    assert sorted(rows) == sorted(made)
    assert not await store.has_logouts(realm, NOW + 59)
    assert not await store.take_logouts("another", NOW + 60, NOW + 99, 9)
    again = await store.take_logouts(realm, NOW + 60, NOW + 90, 9)  # who had it was killed
    assert {each.id for each in again} == made


async def test_a_logout_is_held_postponed_and_forgotten(world: World, told: App) -> None:
    store, realm = world.issuer.store, world.issuer.realm
    logout = await leave(world, told, held=10)
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


async def test_both_tables_are_emptied_in_time(world: World, told: App) -> None:
    store = world.issuer.store
    await leave(world, told)
    session = await begin(world)
    await allow(world, session, told, online=False)
    counts = "SELECT (SELECT count(*) FROM issuer_session_grants), (SELECT count(*) FROM issuer_logouts)"
    assert await store.purge_issuer(NOW + 9000, 100) >= 0
    assert await rows_of(store, counts) == [(1, 1)]
    await store.purge_issuer(NOW + 9001, 100)
    assert await rows_of(store, counts) == [(0, 1)]
    await store.purge_issuer(NOW + KEPT + 1, 100)
    assert await rows_of(store, counts) == [(0, 0)]
