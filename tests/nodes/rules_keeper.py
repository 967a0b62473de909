"""What must hold for held tokens and exchanged codes, by the upstream's own books; and for answers in general."""

import math
from collections import Counter
from collections.abc import Callable, Iterator

from tests.nodes.history import History, Made, Outcome, Record, Trouble, Verb

DONE, REFUSED, MAYBE = Outcome.DONE, Outcome.REFUSED, Outcome.MAYBE

LAG = 1.0
"""Seconds that a token may have been dead for when it is handed out: between the upstream's books and ours."""

HEAL = 15.0
"""Seconds after the last trouble within which everything has to go well again, on a machine that has other work."""

WASTE = 2
"""Upstream calls that one trouble may cost: the answer that was lost, and the one that came too late to be kept."""


def _holds(history: History) -> Iterator[tuple[str, list[tuple[Record, Made | None]]]]:
    made = {(each.account, each.token): each for each in history.made}
    for account, records in history.of(Verb.HOLD).items():
        yield account, [(each, made.get((account, each.got[0]))) for each in records if each.outcome is DONE]


def _disturbed(history: History, began: float, ended: float) -> Iterator[Trouble]:
    return (each for each in history.troubles if each.began <= ended and began <= each.ended)


def held_tokens_are_the_upstreams(history: History) -> Iterator[str]:
    """What is handed out was made by the upstream, for this account."""
    for _, holds in _holds(history):
        for record, made in holds:
            if made is None or made.began > record.answered:
                yield f"nothing that the upstream had made: {record}"


def no_dead_token_is_held(history: History) -> Iterator[str]:
    """What is handed out lives, unless whoever replaced it was kept from saying so."""
    for _, holds in _holds(history):
        for record, made in holds:
            dead = made.ended if made is not None else math.inf
            if dead < record.began - LAG and not any(_disturbed(history, dead - LAG, record.began)):
                yield f"dead for {record.began - dead:.1f} s: {record}"


def held_tokens_only_get_newer(history: History) -> Iterator[str]:
    """Once a token was handed out by any node, no node hands out an older one of the account."""
    for _, holds in _holds(history):
        known = [(record, made.serial) for record, made in holds if made is not None]
        ended = sorted(known, key=lambda each: each[0].answered)
        newest = at = 0
        for record, serial in known:  # in order of their beginning
            while at < len(ended) and ended[at][0].answered <= record.began:
                newest = max(newest, ended[at][1])
                at += 1
            if serial < newest:
                yield f"token {serial} after token {newest}: {record}"


def the_upstream_is_asked_once(history: History) -> Iterator[str]:
    """One fetch for each need: the first, each clearing, and what a trouble may have cost."""
    clears, counts = history.of(Verb.CLEAR), Counter(each.account for each in history.made)
    for account in history.of(Verb.HOLD):
        count = counts[account]
        needs = 1 + sum(each.acted for each in clears.get(account, ()))
        if count > needs + WASTE * len(history.troubles):
            yield f"{count} tokens of {account} for {needs} needs and {len(history.troubles)} troubles"


def exchanges_are_repeated(history: History) -> Iterator[str]:
    """Whoever asks again with the same code gets the same answer, from any node."""
    for account, records in history.of(Verb.EXCHANGE).items():
        by_code: dict[str, list[Record]] = {}
        for record in records:
            by_code.setdefault(record.given, []).append(record)
        for code, asked in by_code.items():
            answers = {each.got for each in asked if each.outcome is DONE}
            if len(answers) > 1:
                yield f"{len(answers)} answers to the code {code[-8:]} of {account}"
            yield from (
                f"a good code was refused: {each}"
                for each in asked
                if each.outcome is REFUSED and not _may_be_used_up(history, each, asked)
            )


def _may_be_used_up(history: History, record: Record, asked: list[Record]) -> bool:
    """Whether another request may have used up a code without its answer being kept."""
    return any(
        each.outcome is MAYBE or any(_disturbed(history, each.began, each.answered))
        for each in asked
        if each is not record and each.acted and each.began <= record.answered
    )


def no_error_in_peace(history: History) -> Iterator[str]:
    """Every request is answered in order unless there is trouble, or was until just now."""
    for record in history.records:
        unanswered = record.outcome in (MAYBE, Outcome.NEVER)
        if unanswered and not any(_disturbed(history, record.began - HEAL, record.answered)):
            yield f"an error in peace: {record}"


def nothing_strange(history: History) -> Iterator[str]:
    """No answer is one that nobody should ever see."""
    yield from (f"strange: {each}" for each in history.records if each.outcome is Outcome.STRANGE)


RULES: tuple[Callable[[History], Iterator[str]], ...] = (
    held_tokens_are_the_upstreams,
    no_dead_token_is_held,
    held_tokens_only_get_newer,
    the_upstream_is_asked_once,
    exchanges_are_repeated,
    no_error_in_peace,
    nothing_strange,
)
