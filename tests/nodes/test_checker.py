"""The checker itself: each rule lets what is right pass, and finds what is wrong."""

import pytest

from tests.nodes.checker import RULES, violations
from tests.nodes.history import History, Made, Outcome, Record, Terms, Trouble, Verb
from tests.nodes.rules_grants import WINDOW
from tests.nodes.rules_keeper import HEAL

DONE, REFUSED, MAYBE = Outcome.DONE, Outcome.REFUSED, Outcome.MAYBE
NEVER, STRANGE = Outcome.NEVER, Outcome.STRANGE
LATE = 10 * WINDOW
PAIRS = {"code": ("a1", "r1"), "r1": ("a2", "r2"), "r2": ("a3", "r3")}


def at(began: float, ended: float, verb: Verb, given: str, outcome: Outcome, *got: str) -> Record:
    return Record(verb, "code", given, 0, began, ended, outcome, got)


def redeem(began: float, ended: float, outcome: Outcome = DONE, *got: str) -> Record:
    pair = got or (PAIRS["code"] if outcome is DONE else ())
    return at(began, ended, Verb.REDEEM, "code", outcome, *pair)


def refresh(began: float, ended: float, given: str = "r1", outcome: Outcome = DONE, *got: str) -> Record:
    pair = got or (PAIRS[given] if outcome is DONE else ())
    return at(began, ended, Verb.REFRESH, given, outcome, *pair)


def check(
    began: float, ended: float, outcome: Outcome = DONE, given: str = "a1", shown: str = "u1"
) -> Record:
    return at(began, ended, Verb.CHECK, given, outcome, *((shown,) if outcome is DONE else ()))


def end(began: float, ended: float, outcome: Outcome = DONE) -> Record:
    return at(began, ended, Verb.END, "a1", outcome)


def own(began: float, ended: float, verb: Verb, token: str, outcome: Outcome = DONE, why: str = "") -> Record:
    given, got = ("", (token,)) if verb is Verb.ISSUE else (token, ())
    return Record(verb, "app", given, 0, began, ended, outcome, got if outcome is DONE else (), why)


def issue(began: float, ended: float, token: str = "", outcome: Outcome = DONE) -> Record:
    return own(began, ended, Verb.ISSUE, token, outcome)


def check_own(began: float, ended: float, token: str, outcome: Outcome = DONE) -> Record:
    return own(began, ended, Verb.CHECK_OWN, token, outcome)


def hold(began: float, ended: float, token: str) -> Record:
    return Record(Verb.HOLD, "wx", "", 0, began, ended, DONE, (token,))


def clear(began: float, ended: float, outcome: Outcome = DONE) -> Record:
    return Record(Verb.CLEAR, "wx", "", 0, began, ended, outcome)


def exchange(began: float, ended: float, outcome: Outcome = DONE, *got: str) -> Record:
    return Record(Verb.EXCHANGE, "wx", "login", 0, began, ended, outcome, got)


LIVES = 1e9
MADE = (Made("wx", "t1", 1, 0.5, 20), Made("wx", "t2", 2, 10, LIVES))
STOP = Trouble("stop", 9, 12)
ALWAYS = Trouble("always", 0, 1000)

RIGHT: dict[str, History] = {
    "a life": History([redeem(0, 1), check(1, 2), refresh(2, 3), check(3, 4, given="a2"), check(3, 4), end(5, 6),
                       check(6, 7, REFUSED), check(5, 6), check(5, 6, REFUSED, given="a2")]),
    "a race for a code": History([redeem(0, 2), redeem(1, 3, REFUSED), check(2, 3), check(4, 5, REFUSED)]),
    "who never arrived did nothing": History([redeem(0, 1), end(1, 2, NEVER), check(3, 4)], [ALWAYS]),
    "a replayed code": History([redeem(0, 1), redeem(2, 3, REFUSED), check(3, 4, REFUSED)]),
    "a lost redemption": History([redeem(0, 1, MAYBE), redeem(2, 3, REFUSED)], [ALWAYS]),
    "an end that nobody answered": History([redeem(0, 1), end(1, 2, MAYBE), check(3, 4), check(90, 91, REFUSED)],
                                           [ALWAYS]),
    "a lost refresh": History([redeem(0, 1), refresh(1, 2, "r1", MAYBE), refresh(2, 3), refresh(3, 4, "r2"),
                               check(4, 5, given="a3")], [ALWAYS]),
    "a repeated refresh": History([redeem(0, 1), refresh(1, 2), refresh(2, 3), refresh(1, 4)]),
    "a replayed refresh": History([redeem(0, 1), refresh(1, 2), refresh(2, 3, "r2"), refresh(3, 4, "r1", REFUSED),
                                   check(4, 5, REFUSED, given="a3")]),
    "a late replay": History([redeem(0, 1), refresh(1, 2), refresh(LATE, LATE + 1, "r1", REFUSED),
                              check(LATE + 1, LATE + 2, REFUSED)]),
    "own tokens": History([issue(0, 1, "t1"), check_own(1, 2, "t1"), issue(2, 3, "t2"), check_own(3, 4, "t2"),
                           check_own(3, 4, "t1", REFUSED), issue(5, 6, "", REFUSED)], terms={"app": Terms(0, 2)}),
    "own tokens that keep": History([issue(0, 1, "t1"), issue(2, 3, "t2"), check_own(100, 101, "t1"),
                                     check_own(700, 701, "t1", REFUSED)], terms={"app": Terms(600)}),
    "a lost own token": History([issue(0, 1, "t1"), issue(1, 2, "", MAYBE), check_own(3, 4, "t1"),
                                 check_own(50, 51, "t1", REFUSED), issue(60, 61, "", REFUSED)], [ALWAYS],
                                terms={"app": Terms(0, 2)}),
    "held tokens": History([hold(1, 2, "t1"), clear(8, 9), hold(11, 12, "t2"), hold(9, 12, "t1")], made=MADE),
    "a token replaced unheard": History([hold(21, 22, "t1")], [Trouble("kill", 10, 22)],
                                        (Made("wx", "t1", 1, 0, 15), Made("wx", "t2", 2, 15, LIVES))),
    "a repeated exchange": History([exchange(0, 1, DONE, "u"), exchange(2, 3, DONE, "u")]),
    "a code used up by who was stopped": History([exchange(9, 10, MAYBE), exchange(12, 13, REFUSED)], [STOP]),
    "an answer that was not kept": History([exchange(9, 10, DONE, "u"), exchange(12, 13, REFUSED)], [STOP]),
    "errors in trouble": History([check(10, 11, MAYBE), check(12, 12 + HEAL, NEVER)], [STOP]),
}  # fmt: skip

WRONG: dict[str, tuple[str, History]] = {
    "two winners": ("one_winner_per_code", History([redeem(0, 2), redeem(1, 3, DONE, "x", "y")])),
    "a good code refused": ("no_code_is_refused_unspent", History([redeem(0, 1, REFUSED)])),
    "refused before anybody spent it": ("no_code_is_refused_unspent",
                                        History([redeem(0, 1, REFUSED), redeem(2, 3, REFUSED)])),
    "accepted after a refusal": ("nothing_wins_after_a_refusal", History([redeem(0, 1, REFUSED), redeem(2, 3)])),
    "a live token refused": ("live_tokens_are_accepted", History([redeem(0, 1), check(2, 3, REFUSED)])),
    "refused before the end began": ("live_tokens_are_accepted",
                                     History([redeem(0, 1), check(2, 3, REFUSED), end(3.5, 4)])),
    "refused for an old access token": ("live_tokens_are_accepted",
                                        History([redeem(0, 1), refresh(1, 2), check(2, 3, REFUSED)])),
    "accepted after an end": ("ended_tokens_are_dead", History([redeem(0, 1), end(1, 2), check(2, 3)])),
    "accepted after its code came again": ("ended_tokens_are_dead",
                                           History([redeem(0, 1), redeem(2, 3, REFUSED), check(3, 4)])),
    "accepted after a replay": ("ended_tokens_are_dead",
                                History([redeem(0, 1), refresh(1, 2), refresh(2, 3, "r2"),
                                         refresh(3, 4, "r1", REFUSED), check(4, 5, given="a3")])),
    "accepted after a late replay": ("ended_tokens_are_dead",
                                     History([redeem(0, 1), refresh(1, 2), refresh(LATE, LATE + 1, "r1", REFUSED),
                                              check(LATE + 1, LATE + 2)])),
    "refreshed after an end": ("ended_tokens_are_dead", History([redeem(0, 1), end(1, 2), refresh(2, 3)])),
    "risen from the dead": ("dead_stay_dead",
                            History([redeem(0, 1), end(1, 2, MAYBE), check(2, 3, REFUSED), check(4, 5)], [ALWAYS])),
    "two successors": ("one_successor", History([redeem(0, 1), refresh(1, 2), refresh(1, 2, "r1", DONE, "x", "y")])),
    "one successor of two": ("one_successor",
                             History([redeem(0, 1), refresh(1, 2), refresh(3, 4, "r2", DONE, "a2", "r9")])),
    "a lost answer was a logout": ("lost_answers_are_repeated",
                                   History([redeem(0, 1), refresh(1, 2, "r1", MAYBE), refresh(2, 3, "r1", REFUSED)],
                                           [ALWAYS])),
    "both at once": ("nobody_has_both",
                     History([redeem(0, 1), refresh(1, 2), refresh(2, 3, "r2"), refresh(3.5, 4, "r1")])),
    "answered out of its window": ("nobody_has_both",
                                   History([redeem(0, 1), refresh(1, 2), refresh(LATE, LATE + 1, "r1")])),
    "shown as another user": ("answers_are_their_askers",
                             History([redeem(0, 1), check(1, 2), check(1, 2, shown="u2")])),
    "two users shown as one": ("answers_are_their_askers",
                              History([check(1, 2), check(1, 2)._replace(subject="other")])),
    "superseded and accepted": ("superseded_tokens_die",
                                History([issue(0, 1, "t1"), issue(1, 2, "t2"), check_own(2, 3, "t1")],
                                        terms={"app": Terms(0)})),
    "kept too long": ("superseded_tokens_die",
                      History([issue(0, 1, "t1"), issue(1, 2, "t2"), check_own(604, 605, "t1")],
                              terms={"app": Terms(600)})),
    "an own token refused": ("current_tokens_are_accepted",
                             History([issue(0, 1, "t1"), check_own(2, 3, "t1", REFUSED)], terms={"app": Terms(0)})),
    "an own token kept too short": ("current_tokens_are_accepted",
                                    History([issue(0, 1, "t1"), issue(1, 2, "t2"), check_own(100, 101, "t1", REFUSED)],
                                            terms={"app": Terms(600)})),
    "above the quota": ("no_more_than_the_quota",
                        History([issue(0, 1, "t1"), issue(1, 2, "t2")], terms={"app": Terms(0, 1)})),
    "below the quota": ("no_less_than_the_quota",
                        History([issue(0, 1, "t1"), issue(1, 2, "", REFUSED)], terms={"app": Terms(0, 2)})),
    "a token from nowhere": ("held_tokens_are_the_upstreams", History([hold(1, 2, "t9")], made=MADE)),
    "before it was made": ("held_tokens_are_the_upstreams", History([hold(1, 2, "t2")], made=MADE)),
    "another account's": ("held_tokens_are_the_upstreams",
                          History([hold(1, 2, "t1")._replace(subject="other")], made=MADE)),
    "dead": ("no_dead_token_is_held", History([clear(1, 2), hold(22, 23, "t1")], [STOP], MADE)),
    "an older one again": ("held_tokens_only_get_newer",
                           History([clear(8, 9), hold(11, 12, "t2"), hold(12, 13, "t1")], made=MADE)),
    "fetched twice": ("the_upstream_is_asked_once", History([hold(11, 12, "t2")], made=MADE)),
    "two answers to a code": ("exchanges_are_repeated",
                              History([exchange(0, 1, DONE, "u"), exchange(2, 3, DONE, "v")])),
    "an answer forgotten": ("exchanges_are_repeated",
                            History([exchange(0, 1, DONE, "u"), exchange(2, 3, REFUSED)])),
    "a fresh code refused": ("exchanges_are_repeated", History([exchange(0, 1, REFUSED)])),
    "an error in peace": ("no_error_in_peace", History([check(0, 1, MAYBE)])),
    "an error long after": ("no_error_in_peace", History([check(13 + HEAL, 14 + HEAL, NEVER)], [STOP])),
    "strange": ("nothing_strange", History([check(0, 1, STRANGE)])),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name: str) -> None:
    assert violations(RIGHT[name]) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name: str) -> None:
    rule, history = WRONG[name]
    found = {each.partition(":")[0] for each in violations(history)}
    assert rule in found


def test_every_rule_can_fail() -> None:
    assert {rule for rule, _ in WRONG.values()} == {rule.__name__ for rule in RULES}


def test_a_violation_shows_no_whole_token() -> None:
    token = "0123456789abcdef" * 4
    history = History([redeem(0, 1, DONE, token, "r"), check(2, 3, REFUSED, given=token)])
    assert token not in "".join(violations(history))


def test_many_violations_of_a_rule_are_cut_short() -> None:
    assert len(violations(History([check(n, n + 1, STRANGE) for n in range(99)]))) == 11
