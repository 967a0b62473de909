"""Receiving a message: kept with its copies, then taken to the primary environment, whose answer is the answer."""

import asyncio
from typing import TYPE_CHECKING, Final

from lingpai.core.relays import Answered, Environment, Relay, RelayMessage
from lingpai.keeper.context import log
from lingpai.keeper.counters import RELAY_MESSAGES
from lingpai.keeper.relay.choosing import choose
from lingpai.keeper.relay.messages import Message
from lingpai.keeper.relay.parcels import SUCCESS, answer_for, parcel
from lingpai.keeper.relay.reaching import ReachError

if TYPE_CHECKING:
    from lingpai.keeper.keeper import Keeper

ANSWER_WITHIN: Final = 4.5
"""Seconds for the answer to a platform, which gives up and repeats after 5."""
PRIMARY_AGAIN: Final = 20.0
"""Seconds after which a message goes to the primary environment as copies go, when it did not get it at once."""
_LOOK_AGAIN: Final = 0.25


async def receive(keeper: "Keeper", relay: Relay, message: Message, push: RelayMessage) -> Answered:
    """Return what answers a push.

    Args:
        keeper: the keeper.
        relay: of the account.
        message: what was pushed.
        push: as it came; its digest is made here.

    Raises:
        LingpaiError: STORE_UNAVAILABLE; then the platform repeats it.
    """
    chosen = choose(await keeper.store.list_environments(), relay.app, message)
    now = keeper.clock.now()
    copies = dict.fromkeys(chosen.names, now)
    if chosen.primary is not None:
        copies[chosen.primary.name] = now + PRIMARY_AGAIN
    known = await keeper.store.take_message(push, copies)
    if known is not None:
        _count(relay, "repeated")
        return await _first_answer(keeper, known)
    if chosen.primary is None:
        _count(relay, "unanswered")
        await keeper.store.answer_message(push.digest, SUCCESS)
        return SUCCESS
    asking = keeper.background.start(_ask(keeper, relay, chosen.primary, push), finish=True)
    await asyncio.wait([asking], timeout=ANSWER_WITHIN)
    answer = asking.result() if asking.done() else None
    if answer is None:
        _count(relay, "failed" if asking.done() else "late")
        await keeper.store.answer_message(push.digest, SUCCESS)
    else:
        _count(relay, "ok")
    return answer or SUCCESS


async def _ask(keeper: "Keeper", relay: Relay, primary: Environment, push: RelayMessage) -> Answered | None:
    """Take a message to the primary environment; None when it did not get it, and copies go on trying."""
    try:
        url, body, headers = parcel(relay, primary, push, keeper.clock.now())
        answered = await keeper.reach(url, body, headers, True)
        answer = answer_for(relay, primary, answered, keeper.clock.now())
    except ReachError as error:
        log.warning("primary_failed", environment=primary.name, problem=str(error))
        return None
    await keeper.store.answer_message(push.digest, answer, primary.name)
    return answer


async def _first_answer(keeper: "Keeper", push: RelayMessage) -> Answered:
    """Return what answered a message the first time, waiting for that; `SUCCESS` when it does not come in time."""
    give_up = keeper.clock.steady() + ANSWER_WITHIN
    known: RelayMessage | None = push
    while known is not None and known.answer is None and keeper.clock.steady() < give_up:
        await keeper.store.wait_change(_LOOK_AGAIN)
        known = await keeper.store.find_message(push.digest)
    return SUCCESS if known is None or known.answer is None else known.answer


def _count(relay: Relay, outcome: str) -> None:
    RELAY_MESSAGES.labels(relay.app, outcome).inc()
