"""The tables of a connection's states are whole and say what the connection does."""

import pytest

from lingpai.edge.limits import Deadlines, ProtocolLimits
from lingpai.edge.states import BODY_TIMEOUT, DEADLINES, TRANSITIONS, Event, Expiry, Owing, Reading


def test_every_state_can_be_reached_and_left() -> None:
    reached = {Reading.FRESH} | set(TRANSITIONS.values())
    assert reached == set(Reading)
    left = {state for (state, event), after in TRANSITIONS.items() if after is not state}
    assert left == set(Reading) - {Reading.OVER}


def test_nothing_leads_back_from_the_end() -> None:
    assert {TRANSITIONS[each] for each in TRANSITIONS if each[0] is Reading.OVER} == {Reading.OVER}


@pytest.mark.parametrize("state", list(Reading))
def test_no_state_lasts_for_ever_once_all_is_answered(state: Reading) -> None:
    assert (state, Owing.NOTHING) in DEADLINES
    assert (state, Owing.ANSWER) not in DEADLINES  # that is ours to hurry


def test_a_late_body_is_answered_and_all_else_has_a_limit_of_the_connection() -> None:
    for name, expiry in DEADLINES.values():
        assert (name == BODY_TIMEOUT) == (expiry is Expiry.ANSWER)
        assert expiry is Expiry.ANSWER or getattr(ProtocolLimits(), name) > 0


def test_the_time_begins_anew_with_each_state_and_with_each_answer() -> None:
    deadlines = Deadlines(ProtocolLimits(keep_alive=10, head_timeout=5))

    def look(reading: Reading, answered: int, now: float) -> Expiry | None:
        return deadlines.expired(reading, Owing.NOTHING, answered, 0, now)

    assert [look(Reading.IDLE, 1, now) for now in (100, 109, 110)] == [None, None, Expiry.CLOSE]
    assert [look(Reading.IDLE, 2, now) for now in (111, 120)] == [None, None]
    assert [look(Reading.HEAD, 2, now) for now in (121, 125, 126)] == [None, None, Expiry.REFUSE]


def test_the_time_of_a_body_is_its_routes() -> None:
    deadlines = Deadlines(ProtocolLimits())
    found = [deadlines.expired(Reading.BODY, Owing.BODY, 0, 60, now) for now in (0, 59, 60)]
    assert found == [None, None, Expiry.ANSWER]
    assert deadlines.expired(Reading.BODY, Owing.ANSWER, 0, 60, 1000) is None


def test_a_reader_is_stuck_only_when_it_takes_nothing() -> None:
    deadlines = Deadlines(ProtocolLimits(write_timeout=30))
    assert [
        deadlines.is_stuck(unsent, now) for unsent, now in ((9, 0), (9, 29), (8, 30), (8, 59), (8, 60))
    ] == [
        *(False, False, False, False),
        True,
    ]
    deadlines.expired(Reading.IDLE, Owing.NOTHING, 0, 0, 61)  # it took all
    assert not deadlines.is_stuck(8, 95)


def test_a_message_moves_through_its_states() -> None:
    state = Reading.FRESH
    seen = []
    for event in (Event.BYTES, Event.BYTES, Event.HEAD, Event.MESSAGE, Event.BYTES, Event.LAST):
        state = TRANSITIONS[state, event]
        seen.append(state)
    assert seen == [
        *(Reading.HEAD, Reading.HEAD, Reading.BODY),
        *(Reading.IDLE, Reading.HEAD, Reading.OVER),
    ]
