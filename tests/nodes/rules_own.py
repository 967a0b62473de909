"""What must hold for apps' own tokens: one is current, the one before keeps what the policy says, so many a day."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.nodes.history import History, Outcome, Record, Terms, Verb
from tests.nodes.rules_grants import SECOND

DONE, REFUSED = Outcome.DONE, Outcome.REFUSED


class Own(NamedTuple):
    """All that was recorded of one app's own tokens."""

    app: str
    terms: Terms
    issues: list[Record]
    checks: list[Record]

    def givers(self, token: str) -> list[Record]:
        """Who was handed this token."""
        return [each for each in self.issues if each.got == (token,)]

    def others(self, token: str) -> list[Record]:
        """Who was, or may have been, handed another one."""
        return [each for each in self.issues if each.acted and each.got != (token,)]


def _own(history: History) -> Iterator[Own]:
    checks = history.of(Verb.CHECK_OWN)
    for app, issues in history.of(Verb.ISSUE).items():
        yield Own(app, history.terms[app], issues, checks.get(app, []))


def superseded_tokens_die(history: History) -> Iterator[str]:
    """Who asks after a token was handed out gets a newer one, and the older then has what it keeps and no more."""
    for own in _own(history):
        for record in own.checks:
            if record.outcome is not DONE:
                continue
            handed = min(each.answered for each in own.givers(record.given))
            newer = (
                each for each in own.others(record.given) if each.outcome is DONE and each.began >= handed
            )
            gone = min((each.answered + own.terms.keep for each in newer), default=math.inf)
            if gone + (SECOND if own.terms.keep else 0) <= record.began:
                yield f"accepted although superseded: {record}"


def current_tokens_are_accepted(history: History) -> Iterator[str]:
    """An app's token is accepted until another may have taken its place, and for what it keeps after that."""
    for own in _own(history):
        for record in own.checks:
            if record.outcome is not REFUSED:
                continue
            began = min(each.began for each in own.givers(record.given))
            rivals = (each for each in own.others(record.given) if each.until >= began)
            if not any(each.began + max(0.0, own.terms.keep - SECOND) <= record.answered for each in rivals):
                yield f"refused although nothing had taken its place: {record}"


def no_more_than_the_quota(history: History) -> Iterator[str]:
    """The quota of a day is not exceeded, however many nodes count."""
    for own in _own(history):
        tokens = {each.got for each in own.issues if each.outcome is DONE}
        if len(tokens) > own.terms.limit:
            yield f"{len(tokens)} tokens of {own.app}, of {own.terms.limit} that its quota allows"


def no_less_than_the_quota(history: History) -> Iterator[str]:
    """Nobody is refused before the quota may be used up."""
    for own in _own(history):
        for record in own.issues:
            if record.outcome is REFUSED:
                before = [each for each in own.issues if each.acted and each.began <= record.answered]
                lost = sum(each.outcome is Outcome.MAYBE for each in before)
                if len({each.got for each in before if each.outcome is DONE}) + lost < own.terms.limit:
                    yield f"refused with quota left: {record}"


RULES: tuple[Callable[[History], Iterator[str]], ...] = (
    superseded_tokens_die,
    current_tokens_are_accepted,
    no_more_than_the_quota,
    no_less_than_the_quota,
)
