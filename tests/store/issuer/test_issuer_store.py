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
from tests.issuer.harness import Harness, raises
from tests.store.conftest import ENGINES as KEEPERS


def test_every_verb_of_the_port_is_there(store: IssuerStore) -> None:
    wanted = {name for name in dir(IssuerStore) if not name.startswith("_")}
    assert wanted <= set(dir(store))


async def remember(harness: Harness) -> None:
    request_id = "fbfe0134-4cd1-11ef-9b3c-0242ac120002"
    async with once(harness.issuer, harness.app, request_id, 1_700_000_000, first=True):
        pass


@pytest.mark.threat("F58")
async def test_a_stolen_database_yields_nothing(harness: Harness, tmp_path: Path) -> None:
    issuer = harness.issuer
    issuer.policy = msgspec.structs.replace(issuer.policy, clear_secrets=True)
    app, sealed_secret = await admin.add_app(issuer, App(realm="", app_id="client-001"))
    rotated = await admin.rotate_secret(issuer, app)
    code = await harness.code()
    tokens = await harness.tokens()
    server = await issue_app_token(issuer, harness.app)
    ticket = await issue_ticket(issuer, harness.app, server.access_token)
    shown = await terminals.show_key(issuer, harness.terminal)
    session = await login(issuer, "ann", "correct horse", "192.0.2.1")
    request = begin_authorization(issuer, harness.app, session.handle, Asked())
    await remember(harness)
    hidden = [harness.secret, sealed_secret, rotated, code, tokens.access_token, tokens.refresh_token]
    hidden += [server.access_token, ticket.ticket, shown, session.handle, request]
    hidden += ["correct horse", "terminal secret", "192.0.2.1"]
    dump = await dump_of(issuer.store, tmp_path)
    assert b"ann" in dump  # it is the right file
    for secret in hidden:
        assert secret.encode() not in dump
        if re.fullmatch("([0-9a-f]{2})+", secret):
            assert bytes.fromhex(secret) not in dump


async def test_app_secret_moved_to_another_app_does_not_open(harness: Harness, store: IssuerStore) -> None:
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, clear_secrets=True)
    first, _ = await admin.add_app(harness.issuer, App(realm="", app_id="first"))
    second, _ = await admin.add_app(harness.issuer, App(realm="", app_id="second"))
    await execute(store, f"UPDATE issuer_secrets SET app_row = {second.id} WHERE app_row = {first.id}")
    with pytest.raises(SealError):
        await store.find_app("yzb", "second")


async def test_secrets_are_sealed_anew_after_a_rotation(
    harness: Harness, ring: KeyRing, clock: VirtualClock
) -> None:
    store = harness.issuer.store
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, clear_secrets=True)
    secrets = [(await admin.add_app(harness.issuer, App(realm="", app_id=f"a{n}")))[1] for n in range(5)]
    assert await store.sealed_secrets() == {1: 6}  # and a user's password
    newest = ring.rotate(clock.now()).id
    assert [await store.reseal_secrets(4) for _ in range(3)] == [4, 2, 0]
    assert await store.sealed_secrets() == {newest: 6}
    ring.retire(1)
    for number, secret in enumerate(secrets):
        app = await store.find_app("yzb", f"a{number}")
        assert app is not None
        assert clear_secrets(harness.issuer, app) == (secret,)


async def grant_of(harness: Harness) -> Grant:
    """What a consent would add."""
    view = await harness.issuer.store.read_grant((await harness.tokens()).grant.id)
    assert view is not None
    return view.grant


async def test_purge_keeps_up_in_small_batches(harness: Harness, clock: VirtualClock) -> None:
    issuer = harness.issuer
    kept = await harness.tokens()
    await asyncio.gather(*(harness.code() for _ in range(1200)))
    await start_session(issuer, harness.user)
    await issuer.store.answer_request(RequestKey(b"digest", issuer.now() + 86400), await grant_of(harness))
    await issuer.store.refuse_request(RequestKey(b"refused", issuer.now() + 86400))
    await remember(harness)
    clock.advance(300 + KEEP_ENDED)
    assert await purge(issuer) == 0  # at the exact second, none has been over for long enough
    clock.advance(1)
    batches = [await purge(issuer) for _ in range(4)]
    assert min(batches[:2]) >= 500  # however many of them live on
    assert sum(batches[:2]) < 1200 <= sum(batches)
    assert batches[3] == 0
    await resolve_access_token(issuer, kept.access_token)
    await push_request(issuer, harness.app, "{}")
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


async def test_purge_looks_again_at_what_was_prolonged(harness: Harness, clock: VirtualClock) -> None:
    issuer, looks = harness.issuer, "SELECT look_at - ends_at FROM issuer_grants"
    tokens = await harness.tokens()
    clock.advance(300 + KEEP_ENDED + 1)  # what was a code is looked at when that would have ended
    while await purge(issuer):
        pass
    assert await rows_of(issuer.store, looks) == [(0,)]
    clock.advance(20 * 86400)
    tokens = await refresh(issuer, harness.app, tokens.refresh_token)
    assert await rows_of(issuer.store, looks) == [
        (-20 * 86400 - 300 - KEEP_ENDED - 1,)
    ]  # the index was left alone
    clock.advance(10 * 86400 + KEEP_ENDED + 1)
    assert [await purge(issuer) for _ in range(2)] == [1, 0]
    assert await rows_of(issuer.store, looks) == [(0,)]
    clock.advance(20 * 86400)
    assert [await purge(issuer) for _ in range(2)] == [1, 0]
    assert await rows_of(issuer.store, looks) == []


async def test_purge_looks_sooner_at_what_ended_sooner(harness: Harness, clock: VirtualClock) -> None:
    issuer = harness.issuer
    ended, replayed = await harness.tokens(), await harness.tokens()
    await issuer.store.end_grant(ended.grant, issuer.now(), "test")
    await refresh(issuer, harness.app, replayed.refresh_token)
    clock.advance(3600)
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(issuer, harness.app, replayed.refresh_token)
    before, after = await issue_app_token(issuer, harness.app), await issue_app_token(issuer, harness.app)
    assert before.grant.id != after.grant.id
    assert await rows_of(issuer.store, "SELECT id FROM issuer_grants WHERE look_at > ends_at") == []
    clock.advance(max(issuer.policy.keep.app or 0, 0) + KEEP_ENDED + 1)
    while await purge(issuer):
        pass
    assert await rows_of(issuer.store, "SELECT id FROM issuer_grants") == [(after.grant.id,)]


async def test_background_purge_goes_on_while_batches_are_full(harness: Harness, clock: VirtualClock) -> None:
    issuer = harness.issuer
    await asyncio.gather(*(harness.code() for _ in range(2 * BATCH + 10)))
    clock.advance(300 + KEEP_ENDED + 1)
    count = "SELECT count(*) FROM issuer_grants"
    task = asyncio.create_task(purge_for_ever(issuer))
    async with asyncio.timeout(30):
        while await rows_of(issuer.store, count) != [(0,)]:  # noqa: ASYNC110  nobody is notified of a purge
            await asyncio.sleep(0.02)
    task.cancel()


async def test_only_who_leads_purges(harness: Harness, clock: VirtualClock) -> None:
    issuer, leading = harness.issuer, asyncio.Event()
    await harness.code()
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


async def test_purged_ids_never_come_back(harness: Harness, clock: VirtualClock) -> None:
    before = (await harness.tokens()).grant.id
    clock.advance(31 * 86400)
    while await purge(harness.issuer):
        pass
    assert (await harness.tokens()).grant.id > before


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
async def test_absolute_ends_are_reported_by_the_callers_clock(
    harness: Harness, clock: VirtualClock, step: int
) -> None:
    tokens = await harness.tokens()
    clock.step(step)
    resolved = await resolve_access_token(harness.issuer, tokens.access_token)
    assert (resolved.expires_in, resolved.expires_at) == (7200, 1_700_000_000 + step + 7200)


@pytest.mark.threat("F63")
async def test_another_process_sees_an_end_at_its_next_check(
    harness: Harness, engine_name: str, tmp_path: Path, ring: KeyRing, clock: VirtualClock
) -> None:
    tokens = await harness.tokens()
    elsewhere = await ENGINES[engine_name](tmp_path, ring, clock)
    worker = await Issuer.open("yzb", harness.issuer.policy, elsewhere, ring, clock)
    await resolve_access_token(worker, tokens.access_token)
    await admin.disable_user(harness.issuer, harness.user)
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


async def test_lists_for_operators_come_in_pages(harness: Harness) -> None:
    for _ in range(5):
        await harness.tokens()
    await issue_app_token(harness.issuer, harness.app)
    first = await admin.list_grants(harness.issuer, limit=4)
    rest = await admin.list_grants(harness.issuer, limit=4, before=first.before)
    ids = [view.grant.id for view in first.views + rest.views]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), rest.before) == (6, None)
    own = await harness.issuer.store.list_grants("yzb", harness.issuer.now(), None, 9, kind=GrantKind.APP)
    assert [view.grant.kind for view in own.views] == [GrantKind.APP]
    assert len((await admin.list_grants(harness.issuer, user=harness.user)).views) == 5
    assert (await admin.list_grants(harness.issuer, app=harness.other)).views == ()


async def test_removed_app_leaves_nothing_that_works(harness: Harness) -> None:
    tokens = await harness.tokens()
    assert await harness.issuer.store.remove_app(harness.app.id)
    assert not await harness.issuer.store.remove_app(harness.app.id)
    with pytest.raises(LingpaiError):
        await resolve_access_token(harness.issuer, tokens.access_token)
    assert [app.app_id for app in await harness.issuer.store.list_apps("yzb")] == [harness.other.app_id]
    assert not await harness.issuer.store.change_app(
        harness.app, msgspec.structs.replace(harness.app, name="new")
    )
    with raises(Kind.NOT_FOUND):
        await admin.change_app(harness.issuer, harness.app, name="new")
    with raises(Kind.NOT_FOUND):
        await admin.rotate_secret(harness.issuer, harness.app)


async def test_what_a_user_allowed_is_read_by_the_user(harness: Harness) -> None:
    store, now = harness.issuer.store, harness.issuer.now()
    for _ in range(3):
        await harness.tokens()
    await issue_app_token(harness.issuer, harness.app)
    views = await store.list_user_grants(harness.user.id, now, None, 2)
    assert [view.grant.user for view in views] == [harness.user.id] * 2
    assert views[0].grant.id > views[1].grant.id
    (oldest,) = await store.list_user_grants(harness.user.id, now, views[1].grant.id, 2)
    assert oldest.grant.id < views[1].grant.id
    assert await store.list_added(harness.user.id) == ()
    member = await members.open_member(harness.issuer, harness.app, harness.user)
    added = await members.consent(harness.issuer, harness.app, member, None)
    assert await store.list_added(harness.user.id) == (added,)
    assert await store.read_app(added.app) == harness.app
    assert await store.read_app(10**6) is None


async def test_a_place_ends_with_the_codes_for_its_terminal(harness: Harness) -> None:
    store, now = harness.issuer.store, harness.issuer.now()
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, keep=SupersedePolicy(user=0))
    await harness.tokens(harness.terminal)
    codes = [await harness.code(terminal=harness.terminal) for _ in range(2)]
    bystander = await harness.code()
    assert await store.end_slot(harness.app.id, harness.terminal.id, now, "gone")
    for code in codes:
        with raises(Kind.INVALID_CODE):
            await redeem(harness.issuer, harness.app, code)
    await redeem(harness.issuer, harness.app, bystander)
    assert not await store.end_slot(harness.app.id, harness.terminal.id, now, "gone")
