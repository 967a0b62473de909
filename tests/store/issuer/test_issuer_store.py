import asyncio
import re
from pathlib import Path

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Grant, GrantKind
from lingpai.core.keyring import KeyRing
from lingpai.core.seals import SealError
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import Policy, SupersedePolicy
from lingpai.issuer.verbs import members, terminals
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.apps import clear_secrets
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import begin_authorization
from lingpai.issuer.verbs.check import resolve_access_token, resolve_app_token
from lingpai.issuer.verbs.login import login
from lingpai.issuer.verbs.pushed_requests import push_request
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.requests import once
from lingpai.issuer.verbs.sessions import start_session
from lingpai.issuer.verbs.tickets import issue_ticket
from lingpai.issuer.verbs.upkeep import BATCH, KEEP_ENDED, purge, purge_for_ever
from lingpai.store.issuer_port import IssuerStore, RequestKey
from tests.issuer.engines import ENGINES, beside, dump_of, execute, rows_of
from tests.issuer.worlds import World, raises
from tests.store.conftest import ENGINES as KEEPERS


def test_every_verb_of_the_port_is_there(store: IssuerStore) -> None:
    wanted = {name for name in dir(IssuerStore) if not name.startswith("_")}
    assert wanted <= set(dir(store))


async def remember(world: World) -> None:
    request_id = "fbfe0134-4cd1-11ef-9b3c-0242ac120002"
    async with once(world.issuer, world.app, request_id, 1_700_000_000, first=True):
        pass


@pytest.mark.threat("F58")
async def test_a_stolen_database_yields_nothing(world: World, tmp_path: Path) -> None:
    issuer = world.issuer
    issuer.policy = msgspec.structs.replace(issuer.policy, clear_secrets=True)
    app, sealed_secret = await admin.add_app(issuer, App(realm="", app_id="client-001"))
    rotated = await admin.rotate_secret(issuer, app)
    code = await world.code()
    tokens = await world.tokens()
    server = await issue_app_token(issuer, world.app)
    ticket = await issue_ticket(issuer, world.app, server.access_token)
    shown = await terminals.show_key(issuer, world.terminal)
    session = await login(issuer, "ann", "correct horse", "192.0.2.1")
    request = begin_authorization(issuer, world.app, session.handle, Asked())
    await remember(world)
    hidden = [world.secret, sealed_secret, rotated, code, tokens.access_token, tokens.refresh_token]
    hidden += [server.access_token, ticket.ticket, shown, session.handle, request]
    hidden += ["correct horse", "terminal secret", "192.0.2.1"]
    dump = await dump_of(issuer.store, tmp_path)
    assert b"ann" in dump  # it is the right file
    for secret in hidden:
        assert secret.encode() not in dump
        if re.fullmatch("([0-9a-f]{2})+", secret):
            assert bytes.fromhex(secret) not in dump


async def test_app_secret_moved_to_another_app_does_not_open(world: World, store: IssuerStore) -> None:
    world.issuer.policy = msgspec.structs.replace(world.issuer.policy, clear_secrets=True)
    first, _ = await admin.add_app(world.issuer, App(realm="", app_id="first"))
    second, _ = await admin.add_app(world.issuer, App(realm="", app_id="second"))
    await execute(store, f"UPDATE issuer_secrets SET app_row = {second.id} WHERE app_row = {first.id}")
    with pytest.raises(SealError):
        await store.find_app("yzb", "second")


async def test_secrets_are_sealed_anew_after_a_rotation(
    world: World, ring: KeyRing, clock: VirtualClock
) -> None:
    store = world.issuer.store
    world.issuer.policy = msgspec.structs.replace(world.issuer.policy, clear_secrets=True)
    secrets = [(await admin.add_app(world.issuer, App(realm="", app_id=f"a{n}")))[1] for n in range(5)]
    assert await store.sealed_secrets() == {1: 6}  # and a user's password
    newest = ring.rotate(clock.now()).id
    assert [await store.reseal_secrets(4) for _ in range(3)] == [4, 2, 0]
    assert await store.sealed_secrets() == {newest: 6}
    ring.retire(1)
    for number, secret in enumerate(secrets):
        app = await store.find_app("yzb", f"a{number}")
        assert app is not None
        assert clear_secrets(world.issuer, app) == (secret,)


async def grant_of(world: World) -> Grant:
    """What a consent would add."""
    view = await world.issuer.store.read_grant((await world.tokens()).grant.id)
    assert view is not None
    return view.grant


async def test_purge_keeps_up_in_small_batches(world: World, clock: VirtualClock) -> None:
    issuer = world.issuer
    kept = await world.tokens()
    await asyncio.gather(*(world.code() for _ in range(1200)))
    await start_session(issuer, world.user)
    await issuer.store.answer_request(RequestKey(b"digest", issuer.now() + 86400), await grant_of(world))
    await issuer.store.refuse_request(RequestKey(b"refused", issuer.now() + 86400))
    await remember(world)
    clock.advance(300 + KEEP_ENDED)
    assert await purge(issuer) == 0  # at the exact second, none has been over for long enough
    clock.advance(1)
    batches = [await purge(issuer) for _ in range(4)]
    assert min(batches[:2]) >= 500  # however many of them live on
    assert sum(batches[:2]) < 1200 <= sum(batches)
    assert batches[3] == 0
    await resolve_access_token(issuer, kept.access_token)
    await push_request(issuer, world.app, "{}")
    clock.advance(30 * 86400 + KEEP_ENDED)
    while await purge(issuer):
        pass
    for table in (
        "grants",
        "sessions",
        "signed_requests",
        "quotas",
        "attempts",
        "answers",
        "pushed_requests",
    ):
        assert await rows_of(issuer.store, f"SELECT count(*) FROM issuer_{table}") == [(0,)]


async def test_purge_looks_again_at_what_was_prolonged(world: World, clock: VirtualClock) -> None:
    issuer, looks = world.issuer, "SELECT look_at - ends_at FROM issuer_grants"
    tokens = await world.tokens()
    clock.advance(300 + KEEP_ENDED + 1)  # what was a code is looked at when that would have ended
    while await purge(issuer):
        pass
    assert await rows_of(issuer.store, looks) == [(0,)]
    clock.advance(20 * 86400)
    tokens = await refresh(issuer, world.app, tokens.refresh_token)
    assert await rows_of(issuer.store, looks) == [
        (-20 * 86400 - 300 - KEEP_ENDED - 1,)
    ]  # the index was left alone
    clock.advance(10 * 86400 + KEEP_ENDED + 1)
    assert [await purge(issuer) for _ in range(2)] == [1, 0]
    assert await rows_of(issuer.store, looks) == [(0,)]
    clock.advance(20 * 86400)
    assert [await purge(issuer) for _ in range(2)] == [1, 0]
    assert await rows_of(issuer.store, looks) == []


async def test_purge_looks_sooner_at_what_ended_sooner(world: World, clock: VirtualClock) -> None:
    issuer = world.issuer
    ended, replayed = await world.tokens(), await world.tokens()
    await issuer.store.end_grant(ended.grant, issuer.now(), "test")
    await refresh(issuer, world.app, replayed.refresh_token)
    clock.advance(3600)
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(issuer, world.app, replayed.refresh_token)
    before, after = await issue_app_token(issuer, world.app), await issue_app_token(issuer, world.app)
    assert before.grant.id != after.grant.id
    assert await rows_of(issuer.store, "SELECT id FROM issuer_grants WHERE look_at > ends_at") == []
    clock.advance(max(issuer.policy.keep.app or 0, 0) + KEEP_ENDED + 1)
    while await purge(issuer):
        pass
    assert await rows_of(issuer.store, "SELECT id FROM issuer_grants") == [(after.grant.id,)]


async def test_background_purge_goes_on_while_batches_are_full(world: World, clock: VirtualClock) -> None:
    issuer = world.issuer
    await asyncio.gather(*(world.code() for _ in range(2 * BATCH + 10)))
    clock.advance(300 + KEEP_ENDED + 1)
    count = "SELECT count(*) FROM issuer_grants"
    task = asyncio.create_task(purge_for_ever(issuer))
    async with asyncio.timeout(30):
        while await rows_of(issuer.store, count) != [(0,)]:  # noqa: ASYNC110  nobody is told of a purge
            await asyncio.sleep(0.02)
    task.cancel()


async def test_only_who_leads_purges(world: World, clock: VirtualClock) -> None:
    issuer, leading = world.issuer, asyncio.Event()
    await world.code()
    clock.advance(300 + KEEP_ENDED + 1)

    async def leads() -> bool:
        return leading.is_set()

    task = asyncio.create_task(purge_for_ever(issuer, leads=leads))
    await asyncio.sleep(0.05)
    assert await rows_of(issuer.store, "SELECT count(*) FROM issuer_grants") == [(1,)]
    leading.set()
    clock.advance(10)
    async with asyncio.timeout(30):
        while await rows_of(issuer.store, "SELECT count(*) FROM issuer_grants") != [(0,)]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    task.cancel()


async def test_purged_ids_never_come_back(world: World, clock: VirtualClock) -> None:
    before = (await world.tokens()).grant.id
    clock.advance(31 * 86400)
    while await purge(world.issuer):
        pass
    assert (await world.tokens()).grant.id > before


async def test_anchor_is_that_of_the_first_of_an_epoch(
    engine_name: str, tmp_path: Path, ring: KeyRing, clock: VirtualClock
) -> None:
    first = await ENGINES[engine_name](tmp_path, ring, clock)
    anchor = await first.anchor()
    clock.step(3600)
    second = await ENGINES[engine_name](tmp_path, ring, clock)
    third = await ENGINES[engine_name](tmp_path, ring, VirtualClock(1_800_000_000))
    assert await second.anchor() == anchor == 1_700_000_000
    assert await third.anchor() == 1_800_000_000
    for store in (first, second, third):
        await store.close()


@pytest.mark.parametrize("step", [3600, -3600])
async def test_absolute_ends_are_told_by_the_callers_clock(
    world: World, clock: VirtualClock, step: int
) -> None:
    tokens = await world.tokens()
    clock.step(step)
    resolved = await resolve_access_token(world.issuer, tokens.access_token)
    assert (resolved.expires_in, resolved.expires_at) == (7200, 1_700_000_000 + step + 7200)


@pytest.mark.threat("F63")
async def test_another_process_sees_an_end_at_its_next_check(
    world: World, engine_name: str, tmp_path: Path, ring: KeyRing, clock: VirtualClock
) -> None:
    tokens = await world.tokens()
    elsewhere = await ENGINES[engine_name](tmp_path, ring, clock)
    worker = await Issuer.open("yzb", world.issuer.policy, elsewhere, ring, clock)
    await resolve_access_token(worker, tokens.access_token)
    await admin.disable_user(world.issuer, world.user)
    with pytest.raises(LingpaiError) as refused:
        await resolve_access_token(worker, tokens.access_token)
    assert refused.value.kind is Kind.INVALID_ACCESS_TOKEN
    await elsewhere.close()


async def test_both_wings_share_one_engine(
    engine_name: str, tmp_path: Path, ring: KeyRing, clock: VirtualClock
) -> None:
    keeper = await KEEPERS[engine_name](tmp_path, ring, clock)
    issuer = await Issuer.open("yzb", Policy(), beside(keeper), ring, clock)
    app, _ = await admin.add_app(issuer, App(realm="", app_id=""))
    tokens = await issue_app_token(issuer, app)
    assert (await resolve_app_token(issuer, tokens.access_token)).app_id == app.app_id
    await keeper.ping()
    await keeper.close()


async def test_lists_for_operators_come_in_pages(world: World) -> None:
    for _ in range(5):
        await world.tokens()
    await issue_app_token(world.issuer, world.app)
    first = await admin.list_grants(world.issuer, limit=4)
    rest = await admin.list_grants(world.issuer, limit=4, before=first.before)
    ids = [view.grant.id for view in first.views + rest.views]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), rest.before) == (6, None)
    own = await world.issuer.store.list_grants("yzb", world.issuer.now(), None, 9, kind=GrantKind.APP)
    assert [view.grant.kind for view in own.views] == [GrantKind.APP]
    assert len((await admin.list_grants(world.issuer, user=world.user)).views) == 5
    assert (await admin.list_grants(world.issuer, app=world.other)).views == ()


async def test_removed_app_leaves_nothing_that_works(world: World) -> None:
    tokens = await world.tokens()
    assert await world.issuer.store.remove_app(world.app.id)
    assert not await world.issuer.store.remove_app(world.app.id)
    with pytest.raises(LingpaiError):
        await resolve_access_token(world.issuer, tokens.access_token)
    assert [app.app_id for app in await world.issuer.store.list_apps("yzb")] == [world.other.app_id]
    assert not await world.issuer.store.change_app(world.app, msgspec.structs.replace(world.app, name="new"))
    with raises(Kind.NOT_FOUND):
        await admin.change_app(world.issuer, world.app, name="new")
    with raises(Kind.NOT_FOUND):
        await admin.rotate_secret(world.issuer, world.app)


async def test_what_a_user_allowed_is_read_by_the_user(world: World) -> None:
    store, now = world.issuer.store, world.issuer.now()
    for _ in range(3):
        await world.tokens()
    await issue_app_token(world.issuer, world.app)
    views = await store.list_user_grants(world.user.id, now, 2)
    assert [view.grant.user for view in views] == [world.user.id] * 2
    assert views[0].grant.id > views[1].grant.id
    assert await store.list_added(world.user.id) == ()
    member = await members.open_member(world.issuer, world.app, world.user)
    added = await members.consent(world.issuer, world.app, member, None)
    assert await store.list_added(world.user.id) == (added,)
    assert await store.read_app(added.app) == world.app
    assert await store.read_app(10**6) is None


async def test_a_place_ends_with_the_codes_for_its_terminal(world: World) -> None:
    store, now = world.issuer.store, world.issuer.now()
    world.issuer.policy = msgspec.structs.replace(world.issuer.policy, keep=SupersedePolicy(user=0))
    await world.tokens(world.terminal)
    codes = [await world.code(terminal=world.terminal) for _ in range(2)]
    bystander = await world.code()
    assert await store.end_slot(world.app.id, world.terminal.id, now, "gone")
    for code in codes:
        with raises(Kind.INVALID_CODE):
            await redeem(world.issuer, world.app, code)
    await redeem(world.issuer, world.app, bystander)
    assert not await store.end_slot(world.app.id, world.terminal.id, now, "gone")
