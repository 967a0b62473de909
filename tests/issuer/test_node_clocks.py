"""Nodes whose clocks turn the second at different moments: what one has ended is dead on the others at once (F63)."""

from collections.abc import Awaitable, Callable

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import Policy, SupersedePolicy
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.check import resolve_access_token, resolve_app_token
from lingpai.issuer.verbs.end import end_grant
from lingpai.store.issuer_port import IssuerStore
from tests.issuer.harness import Harness, raises


class Behind(VirtualClock):
    """A clock that turns the second a moment after another one."""

    def __init__(self, other: VirtualClock, seconds: float) -> None:
        super().__init__()
        self.epoch = other.epoch
        self._other = other
        self._seconds = seconds

    def now(self) -> float:
        return self._other.now() - self._seconds

    def steady(self) -> float:
        return self._other.steady() - self._seconds


Neighbour = Callable[[Policy], Awaitable[Issuer]]


@pytest.fixture
def neighbour(store: IssuerStore, ring: KeyRing, clock: VirtualClock) -> Neighbour:
    """Another node on the same store, a millisecond behind."""

    async def opened(policy: Policy) -> Issuer:
        clock.advance(10)  # the next turn of the second is this one's, not yet the other's
        return await Issuer.open("yzb", policy, store, ring, Behind(clock, 0.001))

    return opened


@pytest.mark.threat("F63")
async def test_what_was_ended_is_dead_for_who_is_behind(harness: Harness, neighbour: Neighbour) -> None:
    tokens = await harness.tokens()
    other = await neighbour(harness.issuer.policy)
    assert other.now() == harness.issuer.now() - 1
    await resolve_access_token(other, tokens.access_token)
    assert await end_grant(harness.issuer, tokens.grant, "revoked")
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(other, tokens.access_token)


@pytest.mark.parametrize(("keep", "lives"), [(0, False), (600, True)])
async def test_what_is_superseded_keeps_what_it_keeps_for_who_is_behind(
    harness: Harness, neighbour: Neighbour, keep: int, *, lives: bool
) -> None:
    harness.issuer.policy = Policy(keep=SupersedePolicy(app=keep))
    first = await issue_app_token(harness.issuer, harness.app)
    other = await neighbour(harness.issuer.policy)
    await issue_app_token(harness.issuer, harness.app)
    if lives:
        await resolve_app_token(other, first.access_token)
        return
    with raises(Kind.INVALID_APP_TOKEN):
        await resolve_app_token(other, first.access_token)
