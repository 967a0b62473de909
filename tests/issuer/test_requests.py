"""Signed requests count once, in the commit of what they ask for (threat I81)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs import terminals
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.requests import once
from lingpai.store.issuer_port import IssuerStore, SignedRequest
from tests.issuer.engines import count_commits
from tests.issuer.harness import REDIRECT, Harness, raises

ID = "fbfe0134-4cd1-11ef-9b3c-0242ac120002"
AT = 1_700_000_000

Work = Callable[[SignedRequest | None], Awaitable[Tokens]]


async def send(harness: Harness, work: Work, request_id: str = ID) -> Tokens:
    async with once(harness.issuer, harness.app, request_id, AT) as request:
        return await work(request)


async def works(harness: Harness) -> dict[str, Work]:
    issuer, app = harness.issuer, harness.app
    code, tokens, shown = (
        await harness.code(),
        await harness.tokens(),
        await terminals.show_key(issuer, harness.terminal),
    )
    terminal = harness.terminal.machine_code
    return {
        "redeem": lambda request: redeem(issuer, app, code, request=request),
        "refresh": lambda request: refresh(issuer, app, tokens.refresh_token, request=request),
        "app token": lambda request: issue_app_token(issuer, app, request=request),
        "msign": lambda request: terminals.authorize_by_secret(
            issuer, app, terminal, "terminal secret", "all", request=request
        ),
        "qr_key": lambda request: terminals.authorize_by_key(
            issuer, app, terminal, shown, "all", request=request
        ),
    }


NAMES = ("redeem", "refresh", "app token", "msign", "qr_key")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.threat("I81")
async def test_of_many_equal_requests_one_is_answered(harness: Harness, name: str) -> None:
    work = (await works(harness))[name]
    answers = await asyncio.gather(*(send(harness, work) for _ in range(16)), return_exceptions=True)
    kinds = Counter(answer.kind if isinstance(answer, LingpaiError) else None for answer in answers)
    assert kinds == {None: 1, Kind.REPLAYED_REQUEST: 15}
    with raises(Kind.REPLAYED_REQUEST):
        await send(harness, work)


@pytest.mark.parametrize("name", NAMES)
async def test_a_request_is_remembered_in_the_one_commit_of_its_verb(
    harness: Harness, store: IssuerStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = (await works(harness))[name]

    commits = count_commits(store, monkeypatch)
    await send(harness, work)
    assert len(commits) == 1
    with raises(Kind.REPLAYED_REQUEST):
        await send(harness, work)
    assert len(commits) == 1


async def test_a_request_that_comes_again_is_no_replay_of_its_code(harness: Harness) -> None:
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, replay_grace=0)
    code, at_once = await harness.code(), []

    async def remembered(request: SignedRequest | None) -> Tokens:
        at_once.append(request)
        return await redeem(harness.issuer, harness.app, code, request=request)

    tokens = await send(harness, remembered)
    with raises(Kind.REPLAYED_REQUEST):  # as if it had been looked up just before the first was done
        await redeem(harness.issuer, harness.app, code, request=at_once[0])
    await resolve_access_token(harness.issuer, tokens.access_token)
    with raises(Kind.INVALID_CODE):
        await send(harness, remembered, ID[::-1])
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.issuer, tokens.access_token)


async def test_a_refused_request_is_remembered_too(harness: Harness) -> None:
    for kind in (Kind.INVALID_CODE, Kind.REPLAYED_REQUEST):
        with raises(kind):
            await send(
                harness, lambda request: redeem(harness.issuer, harness.app, "0" * 64, request=request)
            )


async def test_what_failed_by_our_fault_may_be_sent_again(harness: Harness) -> None:
    code = await harness.code()

    async def fail(request: SignedRequest | None) -> Tokens:
        raise LingpaiError(Kind.STORE_UNAVAILABLE, "The store is away.")

    with raises(Kind.STORE_UNAVAILABLE):
        await send(harness, fail)
    await send(harness, lambda request: redeem(harness.issuer, harness.app, code, request=request))


async def test_what_has_no_room_for_it_remembers_it_first(harness: Harness) -> None:
    async def ask() -> None:
        async with once(harness.issuer, harness.app, ID, AT, first=True) as request:
            assert request is None
            raise LingpaiError(Kind.INVALID_TERMINAL, "There is no such terminal.")

    for kind in (Kind.INVALID_TERMINAL, Kind.REPLAYED_REQUEST):
        with raises(kind):
            await ask()


async def test_a_policy_may_let_requests_come_again(harness: Harness) -> None:
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, requests_once=False)
    work = (await works(harness))["app token"]
    for _ in range(2):
        assert (await send(harness, work)).access_token


async def test_a_policy_may_do_without_the_redirect_uri_at_the_redemption(harness: Harness) -> None:
    harness.issuer.policy = msgspec.structs.replace(harness.issuer.policy, redirect_repeated=False)
    code = await harness.code(Asked(redirect_uri=REDIRECT))
    assert (await redeem(harness.issuer, harness.app, code)).access_token
