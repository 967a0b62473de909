"""What first answers tell of a life: the whole of it, however long their commit took."""

from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.terminals import authorize_by_secret
from lingpai.issuer.verbs.tickets import issue_ticket
from tests.issuer.harness import Harness


class SlowStore:
    """The store of a realm, over whose commits seconds turn."""

    def __init__(self, store: Any, clock: VirtualClock) -> None:
        self._store = store
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)
        if name == "begin_read":
            return verb

        async def slowly(*args: Any, **kwargs: Any) -> Any:
            answer = await verb(*args, **kwargs)
            if name in {"redeem", "rotate", "take_slot"}:
                self._clock.advance(1.5)
            return answer

        return slowly


@pytest.fixture
def slow(harness: Harness, clock: VirtualClock) -> Harness:
    harness.issuer.store = SlowStore(harness.issuer.store, clock)
    return harness


async def test_a_first_answer_says_the_whole_life(slow: Harness) -> None:
    issuer, life = slow.issuer, slow.issuer.policy.access
    tokens = await redeem(issuer, slow.app, await slow.code())
    assert tokens.expires_in == life
    successor = await refresh(issuer, slow.app, tokens.refresh_token)
    assert successor.expires_in == life
    own = await issue_app_token(issuer, slow.app)
    assert own.expires_in == issuer.policy.app_token
    assert (await issue_ticket(issuer, slow.app, own.access_token)).expires_in == issuer.policy.ticket
    of_terminal = await authorize_by_secret(
        issuer, slow.app, slow.terminal.machine_code, "terminal secret", scope=None
    )
    assert of_terminal.expires_in == life


@pytest.mark.threat("E50")
async def test_a_repeated_answer_says_what_is_left(slow: Harness, clock: VirtualClock) -> None:
    tokens = await redeem(slow.issuer, slow.app, await slow.code())
    first = await refresh(slow.issuer, slow.app, tokens.refresh_token)
    clock.advance(20)
    again = await refresh(slow.issuer, slow.app, tokens.refresh_token)
    assert again.access_token == first.access_token
    assert first.expires_in - 25 <= again.expires_in <= first.expires_in - 20
