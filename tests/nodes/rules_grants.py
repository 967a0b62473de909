"""What must hold for codes and users' tokens, whatever happened to the nodes.

One grant is all that came of one code. When it may have ended, and from when on it must have, is drawn from the
records alone (`endings`): an operator's end, a code that came again after it was redeemed (threat C24), a refresh
token that came again out of its window or after its successor was used (E49, E51). A request that raced with the
winner, or that nobody answered, may have ended it or not.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.nodes.history import History, Outcome, Record, Verb

WINDOW = 4.0
"""Seconds for which a used refresh token gives the same successor, where the nodes of the tests have it so."""

SECOND = 1.2
"""The issuer counts in whole seconds; and the nodes' clocks differ by what a look at the database's takes."""

DONE, REFUSED = Outcome.DONE, Outcome.REFUSED


class Ending(NamedTuple):
    """A reason to end: from when on the grant may be over, and from when on it is."""

    cause: Record
    may: float
    must: float


class Grant(NamedTuple):
    """All that was recorded of one code, and what may have ended it."""

    records: list[Record]
    endings: list[Ending]

    def of(self, verb: Verb) -> list[Record]:
        """The records of one verb."""
        return [each for each in self.records if each.verb is verb]

    def may_be_over(self, record: Record) -> bool:
        """Whether something else may have ended the grant before this was answered."""
        return any(each.may <= record.answered for each in self.endings if each.cause is not record)

    def is_over(self, record: Record) -> Ending | None:
        """What had ended the grant for certain before this began."""
        return next((each for each in self.endings if each.must <= record.began), None)


def grants_of(history: History, window: float = WINDOW) -> Iterator[Grant]:
    """Every grant of a history."""
    for records in history.of(Verb.REDEEM, Verb.REFRESH, Verb.CHECK, Verb.END).values():
        yield Grant(records, [ending for each in records for ending in _endings(each, records, window)])


def _endings(record: Record, records: list[Record], window: float) -> Iterator[Ending]:
    others = [each for each in records if each is not record and each.verb is record.verb]
    if record.verb is Verb.END and record.acted:
        yield Ending(record, record.began, record.until)
    elif record.verb is Verb.REDEEM and record.outcome is not DONE:
        spent = [each for each in others if each.acted and each.began <= record.until]
        if spent:
            replayed = any(each.outcome is DONE and each.before(record) for each in spent)
            yield Ending(record, record.began, record.answered if replayed and record.in_order else math.inf)
    elif record.verb is Verb.REFRESH and record.outcome is not DONE:
        yield from _replay(record, others, window)


def _replay(record: Record, others: list[Record], window: float) -> Iterator[Ending]:
    same = [each for each in others if each.given == record.given and each.acted]
    successors = {each.got[1] for each in same if each.outcome is DONE}
    used = [each for each in others if each.given in successors and each.acted]
    late = [each for each in same if record.until - each.began > window - SECOND]
    if any(each.began <= record.until for each in (*used, *late)):
        certain = any(each.outcome is DONE and each.before(record) for each in used) or any(
            each.outcome is DONE and record.began - each.answered > window + SECOND for each in same
        )
        yield Ending(record, record.began, record.answered if certain and record.in_order else math.inf)


def one_winner_per_code(history: History) -> Iterator[str]:
    """Of all who redeem a code, on whatever node, one gets tokens."""
    for code, records in history.of(Verb.REDEEM).items():
        won = [each for each in records if each.outcome is DONE]
        if len(won) > 1:
            yield f"{len(won)} won the code {code[-8:]}: " + "; ".join(map(str, won))


def no_code_is_refused_unspent(history: History) -> Iterator[str]:
    """A code is refused only when somebody else has redeemed it, or may have."""
    for records in history.of(Verb.REDEEM).values():
        for record in records:
            spenders = (each for each in records if each is not record and each.acted)
            if record.outcome is REFUSED and not any(each.began <= record.answered for each in spenders):
                yield f"refused although nobody had spent it: {record}"


def nothing_wins_after_a_refusal(history: History) -> Iterator[str]:
    """A code that was refused once is not accepted later."""
    for records in history.of(Verb.REDEEM).values():
        refused = [each.answered for each in records if each.outcome is REFUSED]
        for record in records:
            if record.outcome is DONE and refused and min(refused) <= record.began:
                yield f"accepted after it was refused: {record}"


def live_tokens_are_accepted(history: History) -> Iterator[str]:
    """Every check of a token that was answered, on any node, accepts it until something may have ended its grant."""
    for grant in grants_of(history):
        for record in grant.of(Verb.CHECK):
            if record.outcome is REFUSED and not grant.may_be_over(record):
                yield f"refused although nothing had ended it: {record}"


def ended_tokens_are_dead(history: History) -> Iterator[str]:
    """Once an end was answered, nothing that begins later accepts a token of the grant, on any node."""
    for grant in grants_of(history):
        for record in grant.of(Verb.CHECK) + grant.of(Verb.REFRESH):
            ending = grant.is_over(record)
            if record.outcome is DONE and ending is not None:
                yield f"accepted: {record}, though over since {ending.cause}"


def dead_stay_dead(history: History) -> Iterator[str]:
    """What one node has refused, no node accepts later: a user's tokens end with their grant."""
    for grant in grants_of(history):
        checks = grant.of(Verb.CHECK)
        refused = min((each.answered for each in checks if each.outcome is REFUSED), default=math.inf)
        for record in checks:
            if record.outcome is DONE and refused <= record.began:
                yield f"accepted after it was refused: {record}"


def one_successor(history: History) -> Iterator[str]:
    """A refresh token has one pair of successors, and no other token has the same."""
    for records in history.of(Verb.REDEEM, Verb.REFRESH).values():
        pairs: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for record in records:
            if record.outcome is DONE:
                pairs[record.given].add(record.got)
        for given, got in pairs.items():
            if len(got) > 1 and given != records[0].subject:  # a code's is reported by `one_winner_per_code`
                yield f"{len(got)} pairs of successors for {given[-8:]}"
        handed = [token for got in pairs.values() for pair in got for token in pair]
        if len(handed) != len(set(handed)):
            yield f"one token as the successor of several, of {records[0].subject[-8:]}"


def lost_answers_are_repeated(history: History) -> Iterator[str]:
    """A refresh token is refused only when it was replayed, or its grant may be over: a lost answer is no logout."""
    for grant in grants_of(history):
        own = {id(each.cause) for each in grant.endings}
        for record in grant.of(Verb.REFRESH):
            if record.outcome is REFUSED and id(record) not in own and not grant.may_be_over(record):
                yield f"refused although it was no replay: {record}"


def nobody_has_both(history: History) -> Iterator[str]:
    """A refresh token gives nothing any more once its successor was used, or its window is over."""
    for grant in grants_of(history):
        refreshes = [each for each in grant.of(Verb.REFRESH) if each.outcome is DONE]
        for record in refreshes:
            used = (each for each in refreshes if each.given == record.got[1] and each.before(record))
            first = min(each.answered for each in refreshes if each.given == record.given)
            if any(used) or record.began - first > WINDOW + SECOND:
                yield f"a replay was answered with tokens: {record}"


def answers_are_their_askers(history: History) -> Iterator[str]:
    """A check tells the token's own user: answers that travel in one batch are not mixed up."""
    answer: dict[str, set[str]] = defaultdict(set)
    for code, records in history.of(Verb.CHECK).items():
        for record in records:
            if record.outcome is DONE:
                answer[history.owners.get(code, code)].add(record.got[0])
    users: dict[str, list[str]] = defaultdict(list)
    for owner, open_ids in answer.items():
        if len(open_ids) > 1:
            yield f"{owner[-8:]} was answered as {len(open_ids)} users"
        for open_id in open_ids:
            users[open_id].append(owner)
    yield from (f"{len(owners)} users were answered as one" for owners in users.values() if len(owners) > 1)


RULES: tuple[Callable[[History], Iterator[str]], ...] = (
    one_winner_per_code,
    no_code_is_refused_unspent,
    nothing_wins_after_a_refusal,
    live_tokens_are_accepted,
    ended_tokens_are_dead,
    dead_stay_dead,
    one_successor,
    lost_answers_are_repeated,
    nobody_has_both,
    answers_are_their_askers,
)
