"""Tokens with less than their grant's scope (RFC 6749 §6), on both engines."""

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.core.handles import MAX_NARROWED_GENERATION, MAX_WORDS
from lingpai.core.issuer_records import Grant, GrantKind
from lingpai.issuer.policy import OldAccess
from lingpai.issuer.scopes import scope_of_words, words_within
from lingpai.issuer.tokens import make_tokens
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.check import resolve_access_token, resolve_any_token
from lingpai.issuer.verbs.end import end_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from tests.issuer.harness import Harness, raises

GRANT = Grant(realm="x", kind=GrantKind.USER, app=1, scope="read write admin")


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        (None, "read write admin"),
        ("", "read write admin"),
        ("admin read write", "read write admin"),
        ("write", "write"),
        ("admin read", "read admin"),
        ("admin admin", "admin"),
    ],
)
def test_a_token_is_good_for_what_was_asked(asked: str | None, scope: str) -> None:
    assert scope_of_words(GRANT.scope, words_within(asked, GRANT)) == scope


def test_words_that_were_granted_twice_count_once() -> None:
    twice = msgspec.structs.replace(GRANT, scope="a b a")
    assert words_within("b a", twice) == 0
    assert scope_of_words(twice.scope, words_within("a", twice)) == "a"


@pytest.mark.parametrize("granted", [None, "", "read"])
def test_what_was_not_granted_is_refused(granted: str | None) -> None:
    with raises(Kind.INVALID_SCOPE):
        words_within("read write", msgspec.structs.replace(GRANT, scope=granted))


def test_what_no_token_can_say_is_refused() -> None:
    most = [f"w{number}" for number in range(MAX_WORDS)]
    fits = msgspec.structs.replace(GRANT, scope=" ".join(most))
    assert scope_of_words(fits.scope, words_within(most[-1], fits)) == most[-1]
    more = msgspec.structs.replace(GRANT, scope=" ".join((*most, "more")))
    assert words_within(more.scope, more) == 0
    old = msgspec.structs.replace(GRANT, generation=MAX_NARROWED_GENERATION)
    for grant, asked in ((more, "more"), (old, "read")):
        with raises(Kind.INVALID_SCOPE):
            words_within(asked, grant)


async def test_each_token_has_its_own_scope_and_the_grant_keeps_the_whole(harness: Harness) -> None:
    issuer, app = harness.issuer, harness.app
    code = await harness.code(Asked(scope="read write admin"))
    first = await redeem(issuer, app, code, scope="write")
    second = await refresh(issuer, app, first.refresh_token, scope="admin read")
    third = await refresh(issuer, app, second.refresh_token)
    assert [each.scope for each in (first, second, third)] == ["write", "read admin", "read write admin"]
    for tokens in (first, second, third):
        resolved = await resolve_access_token(issuer, tokens.access_token, app)
        assert (resolved.scope, resolved.grant.scope) == (tokens.scope, "read write admin")
        assert (await resolve_any_token(issuer, tokens.access_token)).scope == tokens.scope
    assert await end_token(issuer, app, first.access_token)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(issuer, third.access_token)


async def test_a_wider_scope_spends_nothing(harness: Harness, clock: VirtualClock) -> None:
    issuer, app = harness.issuer, harness.app
    code = await harness.code(Asked(scope="read write"))
    with raises(Kind.INVALID_SCOPE):
        await redeem(issuer, app, code, scope="read admin")
    tokens = await redeem(issuer, app, code, scope="read")
    with raises(Kind.INVALID_SCOPE):
        await refresh(issuer, app, tokens.refresh_token, scope="admin")
    clock.advance(issuer.policy.replay_grace)
    with raises(Kind.INVALID_CODE):  # wrong in another way: it ends nothing
        await redeem(issuer, app, code, scope="read admin")
    assert (await refresh(issuer, app, tokens.refresh_token, scope="write")).scope == "write"


async def test_a_lost_answer_is_given_again_with_its_scope(harness: Harness) -> None:
    issuer, app = harness.issuer, harness.app
    first = await redeem(issuer, app, await harness.code(Asked(scope="read write")))
    second = await refresh(issuer, app, first.refresh_token, scope="read")
    again = await refresh(issuer, app, first.refresh_token, scope="read")
    assert (again.repeated, again.scope) == (True, "read")
    assert (again.access_token, again.refresh_token) == (second.access_token, second.refresh_token)
    other = await refresh(issuer, app, first.refresh_token, scope="write")
    assert (await resolve_access_token(issuer, other.access_token)).scope == "write"


@pytest.mark.parametrize("salted", [True, False])
async def test_old_narrowed_tokens_end_as_others_do(
    harness: Harness, clock: VirtualClock, salted: bool
) -> None:
    issuer, app = harness.issuer, harness.app
    issuer.policy = msgspec.structs.replace(issuer.policy, old_access=OldAccess.WINDOW)
    first = await redeem(issuer, app, await harness.code(Asked(scope="read write")), scope="read")
    if not salted:  # a row of the release before the salts
        bare = msgspec.structs.replace(first.grant, salt=0)
        old = make_tokens(issuer, bare, words=words_within("read", bare))
        with raises(Kind.INVALID_ACCESS_TOKEN):
            await resolve_access_token(issuer, old.access_token)
    await refresh(issuer, app, first.refresh_token, scope="write")
    clock.advance(issuer.policy.replay_window - 1)
    assert (await resolve_access_token(issuer, first.access_token)).scope == "read"
    clock.advance(1)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(issuer, first.access_token)


async def test_an_app_s_own_token_may_have_less_too(harness: Harness) -> None:
    issuer = harness.issuer
    issuer.policy = msgspec.structs.replace(issuer.policy, app_token_refresh=True)
    own = await issue_app_token(issuer, harness.app, scope="read write")
    less = await refresh(issuer, harness.app, own.refresh_token, scope="write")
    assert (await resolve_any_token(issuer, less.access_token)).scope == less.scope == "write"
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(issuer, less.access_token)
