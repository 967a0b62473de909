"""Grants end all at once by an epoch, whatever the order of ids; and the release before, which goes by ids."""

from pathlib import Path
from typing import Final

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.core.handles import Handle, HandleFormat, HandleKind
from lingpai.core.issuer_records import Grant, GrantState
from lingpai.core.keyring import KeyRing
from lingpai.issuer import admin
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.sessions import read_session
from lingpai.store.issuer_port import IssuerStore
from tests.issuer.engines import ENGINES, execute, rows_of
from tests.issuer.harness import Harness, raises

ENDS: Final = {"app": "issuer_apps", "user": "issuer_users", "member": "issuer_members"}
ADD_BEFORE: Final = """
INSERT INTO issuer_grants (realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge,
    challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, end_reason,
    previous_row, look_at)
VALUES ('yzb', 1, {app}, {user}, NULL, {member}, NULL, NULL, '', '', '', '', {state}, {generation}, {now}, {now},
    {ends}, {ends}, '', NULL, {ends})
"""
"""How the release before adds a grant."""
END_BEFORE: Final = "UPDATE {table} SET ended_through = (SELECT max(id) FROM issuer_grants)"
VIEW_BEFORE: Final = "SELECT id, usable FROM issuer_grant_views_v2 ORDER BY id"


async def usable(harness: Harness, grant: Grant) -> bool:
    view = await harness.issuer.store.read_grant(grant.id)
    assert view is not None
    return view.usable


async def end(harness: Harness, whose: str) -> None:
    app, user = harness.app.id, harness.user.id
    rows = {"app": (app, None), "user": (None, user), "member": (app, user)}[whose]
    assert await harness.issuer.store.end_all(app=rows[0], user=rows[1])


@pytest.mark.parametrize("whose", ENDS)
async def test_an_end_counts_whatever_ids_come_after(
    harness: Harness, store: IssuerStore, whose: str
) -> None:
    """A restored store hands out ids below its marks; a cache of a sequence hands out ids above them."""
    before = (await harness.tokens()).grant
    await end(harness, whose)
    await execute(store, f"UPDATE {ENDS[whose]} SET ended_through = 1000000, epoch = epoch")
    await end(harness, whose)
    assert not await usable(harness, before)
    after = (await harness.tokens()).grant
    assert await usable(harness, after)
    await execute(store, f"UPDATE {ENDS[whose]} SET ended_through = 0, epoch = epoch + 1")
    assert not await usable(harness, after)
    assert not await usable(harness, before)
    last = (await harness.tokens()).grant
    for _ in range(2):
        assert await usable(harness, last)
        await end(harness, whose)
        assert not await usable(harness, last)
        last = (await harness.tokens()).grant


@pytest.mark.parametrize("whose", ["user", "member"])
async def test_an_app_s_own_tokens_outlive_the_end_of_a_user(harness: Harness, whose: str) -> None:
    await harness.tokens()
    own = (await issue_app_token(harness.issuer, harness.app)).grant
    await end(harness, whose)
    assert await usable(harness, own)
    await end(harness, "app")
    assert not await usable(harness, own)


async def test_a_user_is_enabled_again_in_the_same_epoch(harness: Harness) -> None:
    await end(harness, "user")
    grant = (await harness.tokens()).grant
    disabled = await admin.disable_user(harness.issuer, harness.user)
    assert not await usable(harness, grant)
    await admin.disable_user(harness.issuer, disabled, disabled=False)
    assert await usable(harness, grant)
    assert await usable(harness, (await harness.tokens()).grant)


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
@pytest.mark.parametrize("whose", ENDS)
async def test_a_cached_sequence_hides_nothing(
    harness: Harness, store: IssuerStore, tmp_path: Path, ring: KeyRing, clock: VirtualClock, whose: str
) -> None:
    await execute(store, "ALTER SEQUENCE issuer_grants_id_seq CACHE 50")
    other = await ENGINES["postgresql"](tmp_path, ring, clock)
    issuer = harness.issuer
    try:
        low = (await harness.tokens()).grant
        issuer.store = other
        high = (await harness.tokens()).grant
        assert high.id > low.id + 10
        issuer.store = store
        await end(harness, whose)  # of the connection that counts low
        assert [await usable(harness, each) for each in (low, high)] == [False, False]
        after = (await harness.tokens()).grant
        assert await usable(harness, after)
        assert after.id < high.id
    finally:
        issuer.store = store
        await other.close()


async def add_before(harness: Harness, store: IssuerStore, *, live: bool) -> Grant:
    """A grant of the release before: a code, or one with its first pair."""
    member = await harness.issuer.store.find_member(harness.app.id, harness.user.id)
    assert member is not None
    now = harness.issuer.now()
    await execute(
        store,
        ADD_BEFORE.format(
            app=harness.app.id,
            user=harness.user.id,
            member=member.id,
            state=int(GrantState.LIVE if live else GrantState.ISSUED),
            generation=int(live),
            now=now,
            ends=now + 300,
        ),
    )
    ((row,),) = await rows_of(store, "SELECT max(id) FROM issuer_grants")
    view = await store.read_grant(row)
    assert view is not None
    assert view.usable
    assert view.open_id == member.open_id
    assert view.grant.salt == 0
    return view.grant


def sealed_before(harness: Harness, kind: HandleKind, grant: Grant) -> str:
    """A handle as the release before seals it."""
    handle = Handle(kind, grant.id, grant.generation, grant.created_at)
    return harness.issuer._handles.seal(handle, HandleFormat.HEX)


async def test_tokens_of_the_release_before_are_good_to_their_end(
    harness: Harness, store: IssuerStore
) -> None:
    issuer, app = harness.issuer, harness.app
    await harness.tokens()
    code = await add_before(harness, store, live=False)
    redeemed = await redeem(issuer, app, sealed_before(harness, HandleKind.CODE, code))
    live = await add_before(harness, store, live=True)
    access, old = (sealed_before(harness, kind, live) for kind in (HandleKind.ACCESS, HandleKind.REFRESH))
    assert (await resolve_access_token(issuer, access)).grant == live
    for token, grant in ((old, live), (redeemed.refresh_token, code)):
        fresh = await refresh(issuer, app, token)
        assert (await resolve_access_token(issuer, fresh.access_token)).grant.id == grant.id
        again = await refresh(issuer, app, token)  # a lost answer
        assert (again.access_token, again.repeated) == (fresh.access_token, True)
        opened = issuer.unseal(fresh.refresh_token, HandleKind.REFRESH)
        assert opened is not None
        assert opened.salt == 0  # so the release before, on another node, knows it as well


async def test_a_token_of_the_earlier_layout_opens_no_row_of_this_release(harness: Harness) -> None:
    issuer, app = harness.issuer, harness.app
    code = issuer.unseal(await harness.code(), HandleKind.CODE)
    tokens = await harness.tokens()
    assert code is not None
    view = await issuer.store.read_grant(code.id)
    assert view is not None
    with raises(Kind.INVALID_CODE):
        await redeem(issuer, app, sealed_before(harness, HandleKind.CODE, view.grant))
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(issuer, sealed_before(harness, HandleKind.ACCESS, tokens.grant))
    for generation in (0, 1, 2):
        grant = msgspec.structs.replace(tokens.grant, generation=generation)
        with raises(Kind.INVALID_REFRESH_TOKEN):
            await refresh(issuer, app, sealed_before(harness, HandleKind.REFRESH, grant))
    assert (await resolve_access_token(issuer, tokens.access_token)).grant == tokens.grant


async def test_a_session_of_the_release_before_goes_on(harness: Harness, store: IssuerStore) -> None:
    issuer, now = harness.issuer, harness.issuer.now()
    for salt in (0, 77, 1 << 31):
        await execute(
            store,
            "INSERT INTO issuer_sessions (realm, user_row, salt, created_at, ends_at) "
            f"VALUES ('yzb', {harness.user.id}, {salt}, {now}, {now + 60})",
        )
        ((row,),) = await rows_of(store, "SELECT max(id) FROM issuer_sessions")
        plain = (6 << 56 | row).to_bytes(8, "big") + salt.to_bytes(4, "big") + now.to_bytes(4, "big")
        text = issuer._handles._ciphers.sealing.encrypt(plain, issuer._handles._bound).hex()
        opened = await read_session(issuer, text)
        assert opened is not None
        assert opened.user == harness.user


@pytest.mark.parametrize("whose", ENDS)
async def test_what_the_release_before_ends_is_over_for_this_one_and_the_other_way_round(
    harness: Harness, store: IssuerStore, whose: str
) -> None:
    new = (await harness.tokens()).grant
    old = await add_before(harness, store, live=True)
    await execute(store, END_BEFORE.format(table=ENDS[whose]))
    assert [await usable(harness, each) for each in (new, old)] == [False, False]
    new, old = (await harness.tokens()).grant, await add_before(harness, store, live=True)
    assert [await usable(harness, each) for each in (new, old)] == [True, True]
    shown = dict(await rows_of(store, VIEW_BEFORE))
    assert [bool(shown[each.id]) for each in (new, old)] == [True, True]
    await end(harness, whose)
    assert [await usable(harness, each) for each in (new, old)] == [False, False]
    shown = dict(await rows_of(store, VIEW_BEFORE))
    assert [bool(shown[each.id]) for each in (new, old)] == [False, False]


async def test_a_million_refreshes_of_one_grant(harness: Harness, store: IssuerStore) -> None:
    issuer, app = harness.issuer, harness.app
    tokens = await harness.tokens()
    for start in ((1 << 20) - 2, (1 << 32) - 2):
        await execute(store, f"UPDATE issuer_grants SET generation = {start}")
        view = await store.read_grant(tokens.grant.id)
        assert view is not None
        current = issuer.seal(
            HandleKind.REFRESH, view.grant.id, start, view.grant.rotated_at, view.grant.salt
        )
        for step in range(1, 5):
            fresh = await refresh(issuer, app, current)
            again = await refresh(issuer, app, current)
            assert fresh.grant.generation == start + step
            assert (again.access_token, again.repeated) == (fresh.access_token, True)
            assert (await resolve_access_token(issuer, fresh.access_token)).grant == fresh.grant
            current = fresh.refresh_token
    with raises(Kind.INVALID_REFRESH_TOKEN):  # an alias of it, of a million before, is a replay
        await refresh(issuer, app, tokens.refresh_token)
    assert (await store.read_grant(tokens.grant.id)).grant.state is GrantState.ENDED  # type: ignore[union-attr]


async def test_codes_that_race_with_an_end_are_over_at_once_or_after_it(harness: Harness) -> None:
    issuer = harness.issuer
    code = (await issue_code(issuer, harness.app, harness.user, Asked())).code
    await end(harness, "member")
    with raises(Kind.INVALID_CODE):
        await redeem(issuer, harness.app, code)
    assert (await harness.tokens()).access_token
