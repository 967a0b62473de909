import asyncio

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.issuer.cookies import is_visitor, new_visitor
from lingpai.issuer.passwords import MAX_PASSWORD, Passwords
from lingpai.issuer.policy import Throttling
from lingpai.issuer.verbs import members
from lingpai.issuer.verbs.authorization_requests import MAX_STATE, Asked, may_answer, open_request
from lingpai.issuer.verbs.authorize import (
    authorize,
    begin_authorization,
    code_of,
    refuse_authorization,
)
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.login import login
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.sessions import (
    check_form,
    end_session,
    form_token,
    read_session,
    require_login,
    start_session,
)
from tests.issuer.engines import rows_of
from tests.issuer.harness import REDIRECT, Harness, raises

HERE = "198.51.100.7"


@pytest.mark.threat("B20")
async def test_the_session_changes_at_login(harness: Harness) -> None:
    with raises(Kind.LOGIN_REQUIRED):
        require_login(None)
    before = await start_session(harness.issuer, harness.user)
    after = await login(harness.issuer, "ann", "correct horse", HERE, before.session)
    assert after.handle != before.handle
    assert await read_session(harness.issuer, before.handle) is None
    assert require_login(await read_session(harness.issuer, after.handle)).user.id == harness.user.id


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.threat("B20")
async def test_a_login_with_a_password_that_is_replaced_meanwhile_leaves_no_session(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    issuer, verify = harness.issuer, Passwords.verify
    before = await start_session(issuer, await admin.add_user(issuer, "bob", ""))

    async def verify_too_late(passwords: Passwords, password_hash: str, password: str) -> bool:
        right = await verify(passwords, password_hash, password)
        await admin.set_password(issuer, harness.user, "a new password")
        return right

    with monkeypatch.context() as patched:
        patched.setattr(Passwords, "verify", verify_too_late)
        with raises(Kind.LOGIN_FAILED):
            await login(issuer, "ann", "correct horse", HERE, before.session if replaces else None)
    assert await rows_of(issuer.store, "SELECT id FROM issuer_sessions") == [(before.session.id,)]
    assert (await login(issuer, "ann", "a new password", HERE, before.session)).user.id == harness.user.id


async def test_a_login_of_a_user_who_is_disabled_meanwhile_leaves_no_session(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, verify = harness.issuer, Passwords.verify

    async def verify_too_late(passwords: Passwords, password_hash: str, password: str) -> bool:
        right = await verify(passwords, password_hash, password)
        await admin.disable_user(issuer, harness.user)
        return right

    monkeypatch.setattr(Passwords, "verify", verify_too_late)
    with raises(Kind.LOGIN_FAILED):
        await login(issuer, "ann", "correct horse", HERE)
    assert await rows_of(issuer.store, "SELECT id FROM issuer_sessions") == []


async def test_sessions_end(harness: Harness, clock: VirtualClock) -> None:
    issuer = harness.issuer
    out, disabled, old = [await start_session(issuer, harness.user) for _ in range(3)]
    await end_session(issuer, out.session)
    assert await read_session(issuer, out.handle) is None
    clock.advance(issuer.policy.session - 1)
    assert await read_session(issuer, old.handle) is not None
    await admin.disable_user(issuer, harness.user)
    assert await read_session(issuer, disabled.handle) is None
    await admin.disable_user(issuer, harness.user, disabled=False)
    assert await read_session(issuer, disabled.handle) is None
    changed = await start_session(issuer, harness.user)
    await admin.set_password(issuer, harness.user, "a new password")
    assert await read_session(issuer, changed.handle) is None
    clock.advance(1)
    fresh = await start_session(issuer, harness.user)
    assert await read_session(issuer, fresh.handle + "0") is None


@pytest.mark.threat("B17")
async def test_a_form_of_another_browser_is_refused(harness: Harness) -> None:
    mine, visitor = (await start_session(harness.issuer, harness.user)).handle, new_visitor(harness.issuer)
    assert is_visitor(visitor)
    check_form(harness.issuer, mine, form_token(harness.issuer, mine))
    for forged in ("", form_token(harness.issuer, visitor), mine, "\ud800"):
        with raises(Kind.FORGED_FORM):
            check_form(harness.issuer, mine, forged)


@pytest.mark.threat("B18", "B19")
async def test_double_submit_makes_one_code_of_what_was_asked(harness: Harness) -> None:
    asked = Asked(redirect_uri=REDIRECT, state="<s>\r\n")
    request = open_request(harness.issuer, begin_authorization(harness.issuer, harness.app, "cookie", asked))
    codes = await asyncio.gather(
        *(authorize(harness.issuer, request, harness.app, harness.user) for _ in range(8))
    )
    assert len({code.code for code in codes}) == 1
    assert (codes[0].answer_uri, codes[0].state, codes[0].expires_in) == (REDIRECT, "<s>\r\n", 300)
    with raises(Kind.WRONG_REDIRECT_URI):
        await redeem(harness.issuer, harness.app, codes[0].code)
    await redeem(harness.issuer, harness.app, codes[0].code, redirect_uri=REDIRECT)


async def test_a_request_is_answered_by_its_app_in_time_or_not_at_all(
    harness: Harness, clock: VirtualClock
) -> None:
    request = open_request(
        harness.issuer, begin_authorization(harness.issuer, harness.app, "cookie", Asked())
    )
    with raises(Kind.INVALID_AUTHORIZATION):
        await authorize(harness.issuer, request, harness.other, harness.user)
    with raises(Kind.INVALID_AUTHORIZATION):
        await code_of(harness.issuer, request, harness.user)
    stranger = await admin.add_user(harness.issuer, "eve", "")
    with raises(Kind.INVALID_TERMINAL):
        await authorize(harness.issuer, request, harness.app, stranger, harness.terminal)
    await refuse_authorization(harness.issuer, request)
    assert await code_of(harness.issuer, request, harness.user) is None
    with raises(Kind.INVALID_AUTHORIZATION):
        await authorize(harness.issuer, request, harness.app, harness.user)
    request = open_request(
        harness.issuer, begin_authorization(harness.issuer, harness.app, "cookie", Asked())
    )
    assert may_answer(harness.issuer, request, "cookie")
    clock.advance(harness.issuer.policy.authorization)
    assert not may_answer(harness.issuer, request, "cookie")
    with raises(Kind.INVALID_AUTHORIZATION):
        await authorize(harness.issuer, request, harness.app, harness.user)


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (Asked(redirect_uri=REDIRECT + "2"), Kind.WRONG_REDIRECT_URI),
        (Asked(scope="a\nb"), Kind.INVALID_SCOPE),
        (Asked(challenge="x" * 43, challenge_method="plain"), Kind.INVALID_PKCE),
        (Asked(challenge="short", challenge_method="S256"), Kind.INVALID_PKCE),
        (Asked(challenge_method="S256"), Kind.INVALID_PKCE),
        (Asked(state="x" * (MAX_STATE + 1)), Kind.INVALID_PARAMETER),
    ],
)
@pytest.mark.threat("A6", "A9")
async def test_requests_that_are_refused(harness: Harness, asked: Asked, kind: Kind) -> None:
    with raises(kind):
        begin_authorization(harness.issuer, harness.app, "cookie", asked)


@pytest.mark.threat("A6")
async def test_public_client_needs_a_challenge(harness: Harness) -> None:
    public = await admin.change_app(harness.issuer, harness.app, public=True)
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, public_clients=True)
    with raises(Kind.INVALID_PKCE):
        begin_authorization(harness.issuer, public, "cookie", Asked())


@pytest.mark.threat("B23")
async def test_unknown_wrong_and_disabled_look_the_same(harness: Harness) -> None:
    disabled = await admin.add_user(harness.issuer, "bob", "bob's secret")
    await admin.disable_user(harness.issuer, disabled)
    await admin.add_user(harness.issuer, "no password", "")
    refusals = set()
    for name, password in (
        ("ann", "wrong"),
        ("nobody", "wrong"),
        ("bob", "bob's secret"),
        ("no password", ""),
        ("ann", "correct horse" + "x" * MAX_PASSWORD),
        ("ann", "\ud800"),
    ):
        with pytest.raises(LingpaiError) as refused:
            await login(harness.issuer, name, password, HERE)
        refusals.add((refused.value.kind, refused.value.reason))
    assert len(refusals) == 1


@pytest.mark.threat("B23")
async def test_unknown_users_cost_a_hash_too(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def refuse(stored: str, given: str) -> bool:
        checked.append(stored)
        return False

    monkeypatch.setattr(harness.issuer.passwords, "_matches", refuse)
    for name in ("ann", "nobody"):
        with raises(Kind.LOGIN_FAILED):
            await login(harness.issuer, name, "wrong", HERE)
    assert [stored[:10] for stored in checked] == ["$argon2id$", "$argon2id$"]


@pytest.mark.threat("B23")
async def test_guessing_is_throttled_per_account_and_per_address(
    harness: Harness, clock: VirtualClock
) -> None:
    harness.issuer.policy = msgspec.structs.replace(
        harness.issuer.policy, login=Throttling(seconds=900, pair=3, account=5, address=6)
    )

    async def refused(name: str, address: str) -> Kind:
        with pytest.raises(LingpaiError) as error:
            await login(harness.issuer, name, "wrong", address)
        return error.value.kind

    assert [await refused("ann", "a") for _ in range(4)] == [Kind.LOGIN_FAILED] * 3 + [Kind.TOO_MANY_REQUESTS]
    assert [await refused("ann", "b") for _ in range(3)] == [Kind.LOGIN_FAILED] * 2 + [Kind.TOO_MANY_REQUESTS]
    assert [await refused(name, "a") for name in "wxyz"] == [Kind.LOGIN_FAILED] * 3 + [Kind.TOO_MANY_REQUESTS]
    clock.step(-3600)
    clock.advance(899)
    assert await refused("ann", "a") is Kind.TOO_MANY_REQUESTS
    clock.advance(1)
    assert (await login(harness.issuer, "ann", "correct horse", "a")).user is not None


@pytest.mark.threat("I82")
async def test_open_ids(harness: Harness) -> None:
    issuer = harness.issuer
    mine = await members.open_member(issuer, harness.app, harness.user)
    elsewhere = await members.open_member(issuer, harness.other, harness.user)
    assert (await members.open_member(issuer, harness.app, harness.user)).open_id == mine.open_id
    assert mine.open_id != elsewhere.open_id
    assert mine.union_id == elsewhere.union_id != ""
    assert (await members.find_open_id(issuer, harness.app, mine.open_id))[1].login == "ann"
    for wrong in (elsewhere.open_id, "", "'; --"):
        with raises(Kind.INVALID_OPEN_ID):
            await members.find_open_id(issuer, harness.app, wrong)
    await issuer.store.remove_user(harness.user.id, harness.issuer.now())
    with raises(Kind.INVALID_OPEN_ID):
        await members.find_open_id(issuer, harness.app, mine.open_id)
    again = await members.open_member(issuer, harness.app, await admin.add_user(issuer, "ann", ""))
    assert {again.open_id, again.union_id}.isdisjoint({mine.open_id, mine.union_id})


async def test_consent_is_kept_counted_and_withdrawn(harness: Harness) -> None:
    issuer, app = harness.issuer, harness.app
    member = await members.open_member(issuer, app, harness.user)
    assert members.needs_consent(None, None)
    assert members.needs_consent(member, None)
    with raises(Kind.NOT_ADDED):
        members.require_added(member)
    with raises(Kind.NO_PERMISSION):
        await members.consent(issuer, app, member, "a", ("user/everything",))
    member = await members.consent(issuer, app, member, "a")
    assert not members.needs_consent(member, "a")
    assert members.needs_consent(member, "a b")
    with raises(Kind.NO_PERMISSION):
        members.require_permission(member, "user/get_user_base_info")
    member = await members.consent(issuer, app, member, "b", ("user/get_user_base_info",))
    members.require_permission(member, "user/get_user_base_info")
    assert (member.scope, member.added) == ("a b", True)
    assert await members.count_members(issuer, app) == 1
    tokens = await harness.tokens()
    member = await members.withdraw_consent(issuer, member)
    assert (member.added, member.permissions, await members.count_members(issuer, app)) == (False, (), 0)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(issuer, tokens.access_token)


async def test_imported_open_ids_and_pages_of_members(harness: Harness) -> None:
    issuer, app = harness.issuer, harness.app
    for index in range(5):
        await admin.add_user(issuer, f"user{index}", "", Profile(nick=f"N{index}"))
    pairs = [(f"user{index}", f"old-{index}") for index in range(5)]
    assert await admin.import_open_ids(issuer, app, pairs) == 5
    assert await admin.import_open_ids(issuer, app, pairs) == 5  # again: nothing new
    for wrong in ([("ann", "fresh"), ("user1", "another")], [("ann", "fresh"), ("ann", "old-1")]):
        with raises(Kind.INVALID_OPEN_ID):
            await admin.import_open_ids(issuer, app, wrong)
    assert await issuer.store.find_member(app.id, harness.user.id) is None  # all or none
    with raises(Kind.NOT_FOUND):
        await admin.import_open_ids(issuer, app, [("nobody", "x")])
    first = await members.list_members(issuer, app, 0, 3)
    second = await members.list_members(issuer, app, first[-1].id, 3)
    assert [member.open_id for member in first + second] == [open_id for _, open_id in pairs]
    assert await members.count_members(issuer, app) == 5
    await issuer.store.remove_user((await admin.find_user(issuer, "user0")).id, issuer.now())
    assert await members.count_members(issuer, app) == 4


async def test_taken_names_are_refused(harness: Harness) -> None:
    with raises(Kind.INVALID_PARAMETER):
        await admin.add_user(harness.issuer, "ann", "")
    bob = await admin.add_user(harness.issuer, "bob", "")
    with raises(Kind.INVALID_PARAMETER):
        await admin.change_user(harness.issuer, bob, login="ann")
    assert [user.login for user in await harness.issuer.store.list_users("yzb", 0, 9)] == ["ann", "bob"]
