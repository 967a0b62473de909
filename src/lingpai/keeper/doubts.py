"""Fetches that show that a token is dead: an SDK whose token is refused fetches again, gets the same, and so on.

Several fetches of one value by one caller in a short time count as a report: the platform is asked once whether it
still accepts the value, and a dead one is renewed once. Callers that fetch before every call do the same without need,
so while a value is found alive the next question comes later each time, and there is a budget of questions a day.
A process asks about one value after another: callers of ten thousand values do not cause as many questions at once.
"""

from lingpai.core.records import CredentialKey
from lingpai.keeper.app import App
from lingpai.keeper.platforms.platform import ACCESS_TOKEN

SHORT = 10.0
"""Seconds within which the fetches of one caller are counted together."""
SEVERAL = 3
"""Fetches of one value within `SHORT` that count as a report."""
MOST_APART = 3600.0
BETWEEN_VALUES = 0.1
"""Seconds between questions of one process, whatever values they are about."""
MOST_REMEMBERED = 20_000


class Turn:
    """The time of the next question of this process about any value.

    Attributes:
        next_at: steady seconds.
    """

    __slots__ = ("next_at",)

    def __init__(self) -> None:
        self.next_at = 0.0


class Doubt:
    """The time of the next question to the platform about a value, for all callers of this process.

    Args:
        apart: seconds between the first question about a version and the second; doubled after each.
        turn: shared by all values.
    """

    __slots__ = ("_apart", "_first_apart", "_next_at", "_turn", "_version")

    def __init__(self, apart: float, turn: Turn) -> None:
        self._first_apart = self._apart = apart
        self._turn = turn
        self._version = -1
        self._next_at = 0.0

    def may_ask(self, now: float) -> bool:
        """True when the platform may be asked at this time (steady seconds)."""
        return now >= self._next_at and now >= self._turn.next_at

    def note_question(self, version: int, now: float) -> None:
        """Note that the platform is asked about this version now (steady seconds), and when it may be asked again."""
        if version != self._version:
            self._version, self._apart = version, self._first_apart
        self._next_at = now + self._apart
        self._turn.next_at = now + BETWEEN_VALUES
        self._apart = min(2 * self._apart, MOST_APART)


class Pace:
    """The pace at which one caller fetches one value.

    Args:
        doubt: of that value.
    """

    __slots__ = ("_answered", "_count", "_doubt", "_since")

    def __init__(self, doubt: Doubt) -> None:
        self._doubt = doubt
        self._since = self._answered = float("-inf")
        self._count = 0

    def is_hurried(self, began: float, now: float) -> bool:
        """Count a fetch; return True when so many came that the platform may be asked about the value now.

        A fetch that began before the one before was answered is no judgement of that answer: many callers at once are
        not one caller who distrusts the value.

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
        return self._count >= SEVERAL and self._doubt.may_ask(now)


class Doubts:
    """The paces of callers and the doubts about values, of this process.

    Args:
        apart: as of `Doubt`.
    """

    def __init__(self, apart: float) -> None:
        self._apart = apart
        self._turn = Turn()
        self._paces: dict[tuple[str, str, CredentialKey], Pace] = {}
        self._doubts: dict[CredentialKey, Doubt] = {}

    def pace_of(self, app: App) -> Pace:
        """Return the pace at which this caller fetches an app's token."""
        name = (app.asker, app.peer, app.key(ACCESS_TOKEN))
        pace = self._paces.get(name)
        if pace is None:
            if len(self._paces) >= MOST_REMEMBERED:
                self._paces.clear()
            pace = self._paces[name] = Pace(self.about(name[-1]))
        return pace

    def about(self, key: CredentialKey) -> Doubt:
        """Return the doubt about the value of a credential."""
        doubt = self._doubts.get(key)
        if doubt is None:
            if len(self._doubts) >= MOST_REMEMBERED:
                self._doubts.clear()
            doubt = self._doubts[key] = Doubt(self._apart, self._turn)
        return doubt

    def clear(self) -> None:
        """Forget all of them."""
        self._paces.clear()
        self._doubts.clear()
