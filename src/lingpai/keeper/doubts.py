"""Fetches that say that a token is dead: an SDK whose token is refused fetches again, gets the same, and so on.

Several fetches of one value by one caller in a short time count as a report: the platform is asked once whether it
still takes the value, and a dead one is renewed once. Callers that fetch before every call do the same without need, so
while a value is found alive the next question comes later each time, and so many a day at most.
"""

import asyncio
import contextlib

from lingpai.core.errors import LingpaiError
from lingpai.core.records import Credential, CredentialKey
from lingpai.keeper.budgets import take
from lingpai.keeper.credentials import SUSPECT_WAIT, current_of, hold
from lingpai.keeper.keeper import App, Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.reporting import DAY, report

SHORT = 10.0
"""Seconds within which the fetches of one caller are counted together."""
SEVERAL = 3
"""Fetches of one value within `SHORT` that count as a report."""
MOST_APART = 3600.0
QUESTIONS_A_DAY = 200
MOST_REMEMBERED = 20_000


class Doubt:
    """When a value may be asked about next, for all callers of this process."""

    __slots__ = ("apart", "next_at", "version")

    def __init__(self) -> None:
        self.version = -1
        self.next_at = 0.0
        self.apart = 0.0


class Pace:
    """How fast one caller fetches one value.

    Args:
        doubt: of that value.
    """

    __slots__ = ("_answered", "_count", "_doubt", "_since")

    def __init__(self, doubt: Doubt) -> None:
        self._doubt = doubt
        self._since = self._answered = float("-inf")
        self._count = 0

    def is_hurried(self, began: float, now: float) -> bool:
        """Note a fetch; whether so many came that the value may be asked about now.

        A fetch that began before the one before was answered says nothing of that answer: many callers at once are not
        one caller who distrusts the value.

        Args:
            began: when the request came, in steady seconds.
            now: when it is answered.
        """
        if began < self._answered:
            return False
        self._answered = now
        if now - self._since > SHORT:
            self._since, self._count = now, 0
        self._count += 1
        return self._count >= SEVERAL and now >= self._doubt.next_at


def pace_of(keeper: Keeper, app: App) -> Pace:
    """The pace of who asks for an app's token."""
    name = (app.asker, app.peer, app.key(ACCESS_TOKEN))
    pace = keeper.paces.get(name)
    if pace is None:
        if len(keeper.paces) >= MOST_REMEMBERED:
            keeper.paces.clear()
        pace = keeper.paces[name] = Pace(_doubt_of(keeper, name[-1]))
    return pace


def _doubt_of(keeper: Keeper, key: CredentialKey) -> Doubt:
    doubt = keeper.doubts.get(key)
    if doubt is None:
        if len(keeper.doubts) >= MOST_REMEMBERED:
            keeper.doubts.clear()
        doubt = keeper.doubts[key] = Doubt()
    return doubt


async def verified(keeper: Keeper, app: App, credential: Credential) -> Credential:
    """The credential to hand out to a caller in a hurry: this one, or its successor when this one is dead.

    Waits for the platform for `SUSPECT_WAIT` seconds at most.
    """
    if app.platform.probe is None:
        return credential
    doubt = _doubt_of(keeper, credential.key)
    if doubt.version != credential.version:
        doubt.version, doubt.apart = credential.version, keeper.options.report_apart
    doubt.next_at = keeper.clock.steady() + doubt.apart
    doubt.apart = min(2 * doubt.apart, MOST_APART)
    asking = asyncio.create_task(_ask(keeper, app, credential))
    keeper.asking.add(asking)
    asking.add_done_callback(keeper.asking.discard)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SUSPECT_WAIT):
            await asyncio.shield(asking)
    return await hold(keeper, app, ACCESS_TOKEN)


async def _ask(keeper: Keeper, app: App, credential: Credential) -> None:
    """Report a value within the day's budget; what is held is served all the same when that cannot be counted."""
    with contextlib.suppress(LingpaiError):
        if await take(keeper, app.subject, "doubts", QUESTIONS_A_DAY, DAY):
            # An occasion of its own: a caller who says that the token is dead is not told "checked just now" for this.
            await report(keeper, app, credential, current_of(credential).value, "doubt")
