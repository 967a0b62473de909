"""The answer with a token, and the cached answer, which only asks the store whether it is still valid."""

import math

from lingpai.core.records import Credential, Generation
from lingpai.core.wire import Call
from lingpai.keeper.access import Ask, authorize
from lingpai.keeper.app import App
from lingpai.keeper.audit import Tally
from lingpai.keeper.counters import hits_of
from lingpai.keeper.doubts import Pace
from lingpai.keeper.generations import LEAST_REST, current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.drop_in import TokenAnswer
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, kind_label
from lingpai.keeper.verification import verify
from lingpai.store.validity import Validity


async def answer_token(keeper: Keeper, call: Call, ask: Ask) -> TokenAnswer:
    """Return the live access token of the app that is asked for, with its remaining lifetime.

    Raises:
        LingpaiError: as `authorize` and `Credentials.get_or_fetch`.
    """
    began = keeper.clock.steady()
    mark = keeper.store.mark()
    app = await authorize(keeper, call, ask)
    credential = await keeper.credentials.get_or_fetch(app, ACCESS_TOKEN)
    pace = keeper.doubts.pace_of(app)
    if pace.is_hurried(began, keeper.clock.steady()):
        mark = None  # of before
        credential = await verify(keeper, app, credential)
    current = current_of(credential)
    value = keeper.phantoms.made_for(app, ACCESS_TOKEN, current) if app.phantom_key else current.value
    keeper.audit.count(app.asker, app.logged_name, "token")
    if (
        mark is not None
        and not app.fleeting
        and not credential.suspect
        and current.end.epoch == keeper.clock.epoch
    ):
        validity = keeper.store.validity(credential.id, mark)
        if validity is not None:
            call.cached_answer = CachedAnswer(keeper, app, credential, (current, value), validity, pace)
    return TokenAnswer(value, int(current.end.remaining(keeper.clock)))


async def further_token(keeper: Keeper, call: Call, ask: Ask, kind: str) -> tuple[str, int]:
    """Return a live token of one of the platform's further kinds, and its remaining seconds.

    Raises:
        LingpaiError: as `answer_token`.
    """
    app = await authorize(keeper, call, ask)
    current = current_of(await keeper.credentials.get_or_fetch(app, kind))
    keeper.audit.count(app.asker, app.logged_name, "token")
    return keeper.phantoms.made_for(app, kind, current), int(current.end.remaining(keeper.clock))


class CachedAnswer(Tally):
    """`answer_token` for the same request of the same peer, for as long as it would find the same.

    The answer depends on accounts, callers and the credential, whose changes make `validity` invalid, and on the
    time. All that is needed lies in one object: with ten thousand of them, each further one is a miss in the
    processor's cache, and those would cost more than the rest. So ends are kept as bare steady times.

    Args:
        keeper: the keeper.
        app: who asked, and was found to be allowed.
        credential: its credential, which is not suspect.
        handed: its current generation, whose end is of this epoch, and what the caller gets for it.
        validity: the store's, of the credential.
        pace: of who asked.
    """

    __slots__ = ("_ends", "_hits", "_keeper", "_pace", "_renews", "_validity", "_value")

    def __init__(
        self,
        keeper: Keeper,
        app: App,
        credential: Credential,
        handed: tuple[Generation, str],
        validity: Validity,
        pace: Pace,
    ) -> None:
        super().__init__((app.asker, app.logged_name, "token"))
        self._keeper = keeper
        self._validity = validity
        self._pace = pace
        current, self._value = handed
        self._ends = current.end.steady
        # What nobody configured is renewed because it is asked for, see `Credentials.get_or_fetch`.
        due = None if app.configured else credential.renew
        self._renews = math.inf if due is None else keeper.clock.steady() + due.remaining(keeper.clock)
        self._hits = hits_of(app.platform.name, kind_label(ACCESS_TOKEN))

    def __call__(self) -> TokenAnswer | None:
        """Return the answer again; None when it may have changed (`Call.cached_answer`)."""
        keeper = self._keeper
        now = keeper.clock.steady()
        left = self._ends - now
        if not keeper.store.is_valid(self._validity) or left < LEAST_REST or now >= self._renews:
            return None
        if self._pace.is_hurried(now, now):
            return None
        self._hits.count += 1
        if self.count:
            self.count += 1
        else:
            keeper.audit.tally(self)
        return TokenAnswer(self._value, int(left))
