"""How environments are reached; `operating.environment_posts` does it."""

from collections.abc import Awaitable, Callable, Mapping

from lingpai.core.relays import Answered

Reach = Callable[[str, bytes, Mapping[str, str], bool], Awaitable[Answered]]
"""Posts a body to an address with headers, the last argument being whether the platform waits for the answer.

Returns what is answered, of what nobody waits for the status alone; or raises `ReachError`.
"""


class ReachError(Exception):
    """An environment was not reached, or did not answer; says why, without what a server answered."""


class UndeliverableError(ReachError):
    """This one message cannot be posted there; others may."""


async def reach_nobody(_url: str, _body: bytes, _headers: Mapping[str, str], _now: bool) -> Answered:
    """Reach no environment: for keepers that serve no requests.

    Raises:
        ReachError: always.
    """
    raise ReachError("environments are not reached from here")
