import asyncio

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, GrantState
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from tests.issuer.harness import REDIRECT, Harness, raises

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B


async def test_code_gives_a_pair_of_its_user(harness: Harness) -> None:
    tokens = await harness.tokens()
    assert (tokens.expires_in, tokens.repeated) == (7200, False)
    assert len(tokens.access_token) == len(tokens.refresh_token) == 64
    resolved = await resolve_access_token(harness.issuer, tokens.access_token, harness.app, tokens.open_id)
    assert (resolved.app_id, resolved.grant.user) == (harness.app.app_id, harness.user.id)
    assert resolved.expires_at == int(harness.issuer.clock.now()) + 7200


@pytest.mark.threat("C24")
async def test_second_use_is_refused_and_ends_what_the_first_gave(
    harness: Harness, clock: VirtualClock
) -> None:
    code = await harness.code()
    clock.advance(30)
    tokens = await redeem(harness.issuer, harness.app, code)
    clock.advance(9)
    for _ in range(2):  # a callback that was loaded twice
        with raises(Kind.INVALID_CODE):
            await redeem(harness.issuer, harness.app, code)
    await resolve_access_token(harness.issuer, tokens.access_token)
    clock.advance(1)
    with raises(Kind.INVALID_CODE):
        await redeem(harness.issuer, harness.app, code)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.issuer, tokens.access_token)
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(harness.issuer, harness.app, tokens.refresh_token)


@pytest.mark.threat("C25")
async def test_of_many_at_once_one_wins_and_keeps_what_it_won(harness: Harness) -> None:
    code = await harness.code()
    results = await asyncio.gather(
        *(redeem(harness.issuer, harness.app, code) for _ in range(64)), return_exceptions=True
    )
    won = [result for result in results if isinstance(result, Tokens)]
    lost = [result.kind for result in results if isinstance(result, LingpaiError)]
    assert len(won) == 1
    assert lost == [Kind.INVALID_CODE] * 63
    await resolve_access_token(harness.issuer, won[0].access_token)


@pytest.mark.parametrize("spent", [False, True])
@pytest.mark.threat("C26", "C27", "C28", "C31")
async def test_wrong_requests_end_nothing(harness: Harness, spent: bool) -> None:
    asked = Asked(redirect_uri=REDIRECT, challenge=CHALLENGE, challenge_method="S256")
    code = await harness.code(asked)
    tokens = None
    if spent:
        tokens = await redeem(harness.issuer, harness.app, code, redirect_uri=REDIRECT, verifier=VERIFIER)
    wrong: dict[Kind, list[tuple[App, str | None, str | None]]] = {
        Kind.WRONG_REDIRECT_URI: [(harness.app, REDIRECT + "/", VERIFIER), (harness.app, None, VERIFIER)],
        Kind.INVALID_PKCE: [
            (harness.app, REDIRECT, None),
            (harness.app, REDIRECT, "x" * 43),
            (harness.app, REDIRECT, "short"),
            (harness.app, REDIRECT, VERIFIER + "=" * 86),
        ],
        Kind.INVALID_CODE: [(harness.other, REDIRECT, VERIFIER)],
    }
    for kind, requests in wrong.items():
        for app, redirect_uri, verifier in requests:
            with raises(Kind.INVALID_CODE if spent else kind):
                await redeem(harness.issuer, app, code, redirect_uri=redirect_uri, verifier=verifier)
    if tokens is None:  # C27, C28: it is still good for its own app
        tokens = await redeem(harness.issuer, harness.app, code, redirect_uri=REDIRECT, verifier=VERIFIER)
    await resolve_access_token(harness.issuer, tokens.access_token)


@pytest.mark.threat("C29")
async def test_verifier_without_a_challenge_is_refused(harness: Harness) -> None:
    code = await harness.code()
    with raises(Kind.INVALID_PKCE):
        await redeem(harness.issuer, harness.app, code, verifier=VERIFIER)
    await redeem(harness.issuer, harness.app, code)


@pytest.mark.parametrize("step", [0, 3600, -3600])
@pytest.mark.threat("C32")
async def test_code_dies_at_the_exact_second_whatever_the_wall_clock_does(
    harness: Harness, clock: VirtualClock, step: int
) -> None:
    early, late = await harness.code(), await harness.code()
    clock.step(step)
    clock.advance(299)
    await redeem(harness.issuer, harness.app, early)
    clock.advance(1)
    with raises(Kind.EXPIRED_CODE):
        await redeem(harness.issuer, harness.app, late)


async def test_code_of_a_disabled_user_is_worth_nothing(harness: Harness) -> None:
    code = await harness.code()
    await admin.disable_user(harness.issuer, harness.user)
    with raises(Kind.INVALID_CODE):
        await redeem(harness.issuer, harness.app, code)


@pytest.mark.parametrize("code", ["", "0" * 64, "g" * 64, "a" * 63, "令牌", "\x00" * 64])
@pytest.mark.threat("F57")
async def test_what_is_no_code_of_ours_costs_no_read(
    harness: Harness, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.issuer.store, "begin_read", None)
    with raises(Kind.INVALID_CODE):
        await redeem(harness.issuer, harness.app, code)


@pytest.mark.parametrize(("after", "ends"), [(0, False), (9, False), (10, True)])
@pytest.mark.threat("C24")
async def test_grace_of_refreshed_tokens_counts_from_the_code(
    harness: Harness, clock: VirtualClock, after: int, ends: bool
) -> None:
    code = await harness.code()
    tokens = await redeem(harness.issuer, harness.app, code)
    clock.advance(after)
    tokens = await refresh(harness.issuer, harness.app, tokens.refresh_token)
    with raises(Kind.INVALID_CODE):
        await redeem(harness.issuer, harness.app, code)
    view = await harness.issuer.store.read_grant(tokens.grant.id)
    assert view is not None
    assert view.grant.state is (GrantState.ENDED if ends else GrantState.LIVE)


@pytest.mark.threat("C24")
async def test_without_grace_a_second_use_ends_at_once(harness: Harness) -> None:
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, replay_grace=0)
    code = await harness.code()
    tokens = await redeem(harness.issuer, harness.app, code)
    with raises(Kind.INVALID_CODE):
        await redeem(harness.issuer, harness.app, code)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.issuer, tokens.access_token)


async def test_replay_that_ends_nothing_by_policy(harness: Harness) -> None:
    harness.issuer.policy = msgspec.structs.replace(
        harness.issuer.policy, replay_ends_grant=False, replay_grace=0
    )
    code = await harness.code()
    tokens = await redeem(harness.issuer, harness.app, code)
    with raises(Kind.INVALID_CODE):
        await redeem(harness.issuer, harness.app, code)
    assert (await resolve_access_token(harness.issuer, tokens.access_token)).grant.state is GrantState.LIVE


async def test_code_of_a_long_purged_grant_has_expired(
    harness: Harness, clock: VirtualClock, issuer: Issuer
) -> None:
    code = await harness.code()
    clock.advance(300 + 3601)
    assert await issuer.store.purge_issuer(issuer.now() - 3600, 10) == 1
    with raises(Kind.EXPIRED_CODE):
        await redeem(issuer, harness.app, code)
