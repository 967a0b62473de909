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
from tests.issuer.worlds import REDIRECT, World, raises

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, appendix B


async def test_code_gives_a_pair_of_its_user(world: World) -> None:
    tokens = await world.tokens()
    assert (tokens.expires_in, tokens.repeated) == (7200, False)
    assert len(tokens.access_token) == len(tokens.refresh_token) == 64
    resolved = await resolve_access_token(world.issuer, tokens.access_token, world.app, tokens.open_id)
    assert (resolved.app_id, resolved.grant.user) == (world.app.app_id, world.user.id)
    assert resolved.expires_at == int(world.issuer.clock.now()) + 7200


@pytest.mark.threat("C24")
async def test_second_use_is_refused_and_ends_what_the_first_gave(world: World, clock: VirtualClock) -> None:
    code = await world.code()
    clock.advance(30)
    tokens = await redeem(world.issuer, world.app, code)
    clock.advance(9)
    for _ in range(2):  # a callback that was loaded twice
        with raises(Kind.INVALID_CODE):
            await redeem(world.issuer, world.app, code)
    await resolve_access_token(world.issuer, tokens.access_token)
    clock.advance(1)
    with raises(Kind.INVALID_CODE):
        await redeem(world.issuer, world.app, code)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(world.issuer, tokens.access_token)
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(world.issuer, world.app, tokens.refresh_token)


@pytest.mark.threat("C25")
async def test_of_many_at_once_one_wins_and_keeps_what_it_won(world: World) -> None:
    code = await world.code()
    results = await asyncio.gather(
        *(redeem(world.issuer, world.app, code) for _ in range(64)), return_exceptions=True
    )
    won = [result for result in results if isinstance(result, Tokens)]
    lost = [result.kind for result in results if isinstance(result, LingpaiError)]
    assert len(won) == 1
    assert lost == [Kind.INVALID_CODE] * 63
    await resolve_access_token(world.issuer, won[0].access_token)


@pytest.mark.parametrize("spent", [False, True])
@pytest.mark.threat("C26", "C27", "C28", "C31")
async def test_wrong_requests_end_nothing(world: World, spent: bool) -> None:
    asked = Asked(redirect_uri=REDIRECT, challenge=CHALLENGE, challenge_method="S256")
    code = await world.code(asked)
    tokens = None
    if spent:
        tokens = await redeem(world.issuer, world.app, code, redirect_uri=REDIRECT, verifier=VERIFIER)
    wrong: dict[Kind, list[tuple[App, str | None, str | None]]] = {
        Kind.WRONG_REDIRECT_URI: [(world.app, REDIRECT + "/", VERIFIER), (world.app, None, VERIFIER)],
        Kind.INVALID_PKCE: [
            (world.app, REDIRECT, None),
            (world.app, REDIRECT, "x" * 43),
            (world.app, REDIRECT, "short"),
            (world.app, REDIRECT, VERIFIER + "=" * 86),
        ],
        Kind.INVALID_CODE: [(world.other, REDIRECT, VERIFIER)],
    }
    for kind, requests in wrong.items():
        for app, redirect_uri, verifier in requests:
            with raises(Kind.INVALID_CODE if spent else kind):
                await redeem(world.issuer, app, code, redirect_uri=redirect_uri, verifier=verifier)
    if tokens is None:  # C27, C28: it is still good for its own app
        tokens = await redeem(world.issuer, world.app, code, redirect_uri=REDIRECT, verifier=VERIFIER)
    await resolve_access_token(world.issuer, tokens.access_token)


@pytest.mark.threat("C29")
async def test_verifier_without_a_challenge_is_refused(world: World) -> None:
    code = await world.code()
    with raises(Kind.INVALID_PKCE):
        await redeem(world.issuer, world.app, code, verifier=VERIFIER)
    await redeem(world.issuer, world.app, code)


@pytest.mark.parametrize("step", [0, 3600, -3600])
@pytest.mark.threat("C32")
async def test_code_dies_at_the_exact_second_whatever_the_wall_clock_does(
    world: World, clock: VirtualClock, step: int
) -> None:
    early, late = await world.code(), await world.code()
    clock.step(step)
    clock.advance(299)
    await redeem(world.issuer, world.app, early)
    clock.advance(1)
    with raises(Kind.EXPIRED_CODE):
        await redeem(world.issuer, world.app, late)


async def test_code_of_a_disabled_user_is_worth_nothing(world: World) -> None:
    code = await world.code()
    await admin.disable_user(world.issuer, world.user)
    with raises(Kind.INVALID_CODE):
        await redeem(world.issuer, world.app, code)


@pytest.mark.parametrize("code", ["", "0" * 64, "g" * 64, "a" * 63, "令牌", "\x00" * 64])
@pytest.mark.threat("F57")
async def test_what_is_no_code_of_ours_costs_no_read(
    world: World, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.issuer.store, "begin_read", None)
    with raises(Kind.INVALID_CODE):
        await redeem(world.issuer, world.app, code)


@pytest.mark.parametrize(("after", "ends"), [(0, False), (9, False), (10, True)])
@pytest.mark.threat("C24")
async def test_grace_of_refreshed_tokens_counts_from_the_code(
    world: World, clock: VirtualClock, after: int, ends: bool
) -> None:
    code = await world.code()
    tokens = await redeem(world.issuer, world.app, code)
    clock.advance(after)
    tokens = await refresh(world.issuer, world.app, tokens.refresh_token)
    with raises(Kind.INVALID_CODE):
        await redeem(world.issuer, world.app, code)
    view = await world.issuer.store.read_grant(tokens.grant.id)
    assert view is not None
    assert view.grant.state is (GrantState.ENDED if ends else GrantState.LIVE)


@pytest.mark.threat("C24")
async def test_without_grace_a_second_use_ends_at_once(world: World) -> None:
    world.issuer.policy = msgspec.structs.replace(world.issuer.policy, replay_grace=0)
    code = await world.code()
    tokens = await redeem(world.issuer, world.app, code)
    with raises(Kind.INVALID_CODE):
        await redeem(world.issuer, world.app, code)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(world.issuer, tokens.access_token)


async def test_replay_that_ends_nothing_by_policy(world: World) -> None:
    world.issuer.policy = msgspec.structs.replace(
        world.issuer.policy, replay_ends_grant=False, replay_grace=0
    )
    code = await world.code()
    tokens = await redeem(world.issuer, world.app, code)
    with raises(Kind.INVALID_CODE):
        await redeem(world.issuer, world.app, code)
    assert (await resolve_access_token(world.issuer, tokens.access_token)).grant.state is GrantState.LIVE


async def test_code_of_a_long_purged_grant_has_expired(
    world: World, clock: VirtualClock, issuer: Issuer
) -> None:
    code = await world.code()
    clock.advance(300 + 3601)
    assert await issuer.store.purge_issuer(issuer.now() - 3600, 10) == 1
    with raises(Kind.EXPIRED_CODE):
        await redeem(issuer, world.app, code)
