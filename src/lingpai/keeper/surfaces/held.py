"""The held token, as most surfaces hand it out, and its repetition without a look at anything but the store's mark."""

from collections.abc import Callable, Hashable

import msgspec

from lingpai.core.clock import End
from lingpai.core.records import Credential, Generation
from lingpai.core.wire import Call
from lingpai.keeper.access import Ask, authorize
from lingpai.keeper.audit import Tally
from lingpai.keeper.counters import hit
from lingpai.keeper.credentials import LEAST_REST, current_of, hold
from lingpai.keeper.keeper import App, Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, kind_label


class HeldToken(msgspec.Struct):
    """A held token; `expires_in` is what remains of it in whole seconds."""

    access_token: str
    expires_in: int


async def held_token(keeper: Keeper, call: Call, ask: Ask) -> HeldToken:
    """The live access token of the app that is asked for, with what remains of it.

    Raises:
        LingpaiError: as `authorize` and `hold`.
    """
    mark = keeper.store.mark()
    app = await authorize(keeper, call, ask)
    credential = await hold(keeper, app, ACCESS_TOKEN)
    current = current_of(credential)
    keeper.audit.count(app.asker, app.name, "token")
    if mark is not None and not credential.suspect:
        call.again = Again(keeper, app, credential, current, mark)
    return HeldToken(current.value, int(current.end.remaining(keeper.clock)))


class Again(Tally):
    """`held_token` for the same request of the same peer, for as long as it would find the same.

    What it found depends on accounts, callers and credentials, of which the store's mark tells changes, and on the
    time. All that is needed lies in one object: with ten thousand of them, each further one is a miss in the
    processor's cache, and those would cost more than the rest.

    Args:
        keeper: the keeper.
        app: who asked, and was found to be allowed.
        credential: what is held for it, and is not suspect.
        current: its current generation.
        mark: the store's, from before any of this was read.
    """

    __slots__ = ("_count_hit", "_end", "_keeper", "_mark", "_renew", "_value")

    def __init__(
        self, keeper: Keeper, app: App, credential: Credential, current: Generation, mark: Hashable
    ) -> None:
        super().__init__((app.asker, app.name, "token"))
        self._keeper = keeper
        self._mark = mark
        self._value = current.value
        self._end = _shared(current.end, keeper)
        # What nobody configured is renewed because it is asked for, see `hold`.
        self._renew = None if app.configured else credential.renew
        self._count_hit: Callable[[], None] = hit(app.platform.name, kind_label(ACCESS_TOKEN))

    def __call__(self) -> HeldToken | None:
        """See `Call.again`."""
        keeper = self._keeper
        left = self._end.remaining(keeper.clock)
        if keeper.store.mark() != self._mark or left < LEAST_REST:
            return None
        if self._renew is not None and self._renew.remaining(keeper.clock) <= 0:
            return None
        self._count_hit()
        keeper.audit.tally(self)
        return HeldToken(self._value, int(left))


def _shared(end: End, keeper: Keeper) -> End:
    """An end that names the epoch by the clock's own string, if it is that one."""
    epoch = keeper.clock.epoch
    return end._replace(epoch=epoch) if end.epoch == epoch else end
