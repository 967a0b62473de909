"""A client's own record of what it asked and what it was answered, over all nodes, for the rules to judge.

The vocabulary is that of Jepsen's checkers (Knossos, Elle): a request that was never answered, or answered with an
error of the server's, *may* have had its effect, at any time from its beginning on; one whose connection was refused
had none. All times are seconds of one steady clock, that of the machine.
"""

import contextlib
import enum
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from lingpai.core.clock import SystemClock

steady: Callable[[], float] = SystemClock().steady


class Verb(enum.Enum):
    """What was asked. `subject`, `given` and `got` of a record are named in this order."""

    REDEEM = "redeem"
    """A code: the code, the code, (access token, refresh token)."""
    REFRESH = "refresh"
    """A refresh token: the code it came from, the token, (access token, refresh token)."""
    CHECK = "check"
    """A user's access token: the code it came from, the token, (open_id,)."""
    END = "end"
    """The end of a user's grant, by an operator: the code it came from, a token, ()."""
    ISSUE = "issue"
    """An app's own token: the app, "", (token,)."""
    CHECK_OWN = "check own"
    """An app's own token: the app, the token, ()."""
    HOLD = "hold"
    """A held upstream token: the account, "", (token,)."""
    CLEAR = "clear"
    """The next hold is to fetch anew: the account, "", ()."""
    EXCHANGE = "exchange"
    """An upstream login code: the account, the code, what the platform answered."""


class Outcome(enum.Enum):
    """What came of it."""

    DONE = "done"
    REFUSED = "refused"
    """Answered, and in order: the dialect's own refusal."""
    MAYBE = "maybe"
    """Nobody knows: no answer, or a server's error."""
    NEVER = "never"
    """It never reached a server."""
    STRANGE = "strange"
    """An answer that nobody should ever see."""


class Record(NamedTuple):
    """One request.

    Attributes:
        verb: what was asked; see there for `subject`, `given` and `got`.
        subject: what it was about.
        given: what was presented.
        node: who was asked.
        began: when it was sent.
        answered: when the answer was there, or waiting for one was given up.
        outcome: what came of it.
        got: what was handed out.
        why: the words of a refusal or of a failure.
    """

    verb: Verb
    subject: str
    given: str
    node: int
    began: float
    answered: float
    outcome: Outcome
    got: tuple[str, ...] = ()
    why: str = ""

    @property
    def until(self) -> float:
        """When its effect was there at the latest; never, for what may have happened."""
        return math.inf if self.outcome is Outcome.MAYBE else self.answered

    @property
    def in_order(self) -> bool:
        """Whether it was answered in order."""
        return self.outcome in (Outcome.DONE, Outcome.REFUSED)

    @property
    def acted(self) -> bool:
        """Whether it had, or may have had, its effect."""
        return self.outcome in (Outcome.DONE, Outcome.MAYBE)

    def before(self, other: "Record") -> bool:
        """Whether it was over before the other began."""
        return self.until <= other.began

    def __str__(self) -> str:
        """The record without a whole token."""
        short = (self.subject[-8:], self.given[-8:], *(each[-8:] for each in self.got))
        return (
            f"[{self.began:.3f}-{self.answered:.3f} node {self.node}] {self.verb.value} "
            f"{' '.join(short)} {self.outcome.value} {self.why}"
        )


class Trouble(NamedTuple):
    """Something that was done to the nodes on purpose, and when."""

    name: str
    began: float
    ended: float


class Terms(NamedTuple):
    """What an app's own tokens are issued by.

    Attributes:
        keep: seconds that the token before keeps.
        limit: how many the app may have on all days of the history.
    """

    keep: float
    limit: float = math.inf


class Made(NamedTuple):
    """A token that the upstream made, by its own books.

    Attributes:
        account: whose.
        token: the value.
        serial: it grows with each token of the account.
        began: when it was made.
        ended: when the upstream took it no more.
    """

    account: str
    token: str
    serial: int
    began: float
    ended: float


class History:
    """All that a client did and saw, what was done to the nodes, and the upstream's books."""

    def __init__(
        self,
        records: Sequence[Record] = (),
        troubles: Sequence[Trouble] = (),
        made: Sequence[Made] = (),
        owners: dict[str, str] | None = None,
        terms: dict[str, Terms] | None = None,
    ) -> None:
        self.records = list(records)
        self.troubles = list(troubles)
        self.made = list(made)
        self.owners = owners or {}
        """Whose grant each code is."""
        self.terms = terms or {}
        """By app."""

    def of(self, *verbs: Verb) -> dict[str, list[Record]]:
        """The records of these verbs that reached a server, by subject, in order of their beginning."""
        found: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(self.records, key=lambda each: each.began):
            if record.verb in verbs and record.outcome is not Outcome.NEVER:
                found[record.subject].append(record)
        return found

    def add(
        self, verb: Verb, subject: str, given: str, node: int, began: float, answer: tuple[Any, ...]
    ) -> Record:
        """Write down a request that ended just now; `answer` is (outcome, got, why)."""
        record = Record(verb, subject, given, node, began, steady(), *answer)
        self.records.append(record)
        return record

    @contextlib.contextmanager
    def trouble(self, name: str) -> Iterator[None]:
        """What is done in the block is trouble."""
        began = steady()
        try:
            yield
        finally:
            self.troubles.append(Trouble(name, began, steady()))
