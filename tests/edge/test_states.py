"""The tables of a connection's states are whole and say what the connection does."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from enum import IntEnum
from types import SimpleNamespace
from typing import Any, cast

import pytest
from uvicorn.server import ServerState

from lingpai.core.wire import Call
from lingpai.edge.app import create_app
from lingpai.edge.connection import Connection
from lingpai.edge.limits import Deadlines, ProtocolLimits
from lingpai.edge.site import Site
from lingpai.edge.states import (
    BODY_TIMEOUT,
    DEADLINES,
    READING,
    SAYING,
    Event,
    Expiry,
    Owing,
    Reading,
    Saying,
    States,
)
from tests.edge.running_edge import FALLBACK, ROUTES, request, route

UNREAD = {  # a head is read out of bytes, and a body after a head
    *((state, Event.HEAD) for state in (Reading.FRESH, Reading.IDLE, Reading.BODY, Reading.OVER)),
    *((state, Event.MESSAGE) for state in (Reading.HEAD, Reading.OVER)),
    *((state, Event.BYTES) for state in (Reading.BODY, Reading.OVER)),
}
UNSAID = {(Saying.MUTE, event) for event in (Event.LAST_WORD, Event.EARLY_WORD)}


@pytest.mark.parametrize(
    ("table", "states", "impossible"), [(READING, Reading, UNREAD), (SAYING, Saying, UNSAID)]
)
def test_each_event_leads_on_from_each_state_or_cannot_happen_in_it(
    table: Mapping[tuple[Any, Event], Any], states: type[IntEnum], impossible: set[tuple[Any, Event]]
) -> None:
    every = set(itertools.product(states, Event))
    assert set(table) == every - impossible


def test_every_state_can_be_reached_and_left() -> None:
    for table, states, first, last in (
        (READING, Reading, Reading.FRESH, Reading.OVER),
        (SAYING, Saying, Saying.OPEN, Saying.CLOSED),
    ):
        assert {first} | set(table.values()) == set(states)
        left = {state for (state, _), after in table.items() if after is not state}
        assert left == set(states) - {last}


def test_nothing_leads_back_from_the_end_and_who_is_mute_says_nothing_more() -> None:
    assert {after for (state, _), after in READING.items() if state is Reading.OVER} == {Reading.OVER}
    assert all(after >= state for (state, _), after in SAYING.items())
    assert {after for (state, _), after in SAYING.items() if state is Saying.MUTE} == {
        *(Saying.MUTE, Saying.CLOSED),
    }
    assert all(READING[state, event] is Reading.OVER for state in Reading for event in (Event.END, Event.CUT))


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
    states, seen = States(), []
    for event in (Event.BYTES, Event.BYTES, Event.HEAD, Event.MESSAGE, Event.BYTES, Event.CUT):
        states.advance(event)
        seen.append(states.reading)
    assert seen == [
        *(Reading.HEAD, Reading.HEAD, Reading.BODY),
        *(Reading.IDLE, Reading.HEAD, Reading.OVER),
    ]
    with pytest.raises(KeyError):
        States().advance(Event.HEAD)


class Line:
    """A transport that notes what a connection does with it."""

    def __init__(self, *, half_closes: bool) -> None:
        self.said = b""
        self.ended = self.closed = False
        self.half_closes = half_closes

    def can_write_eof(self) -> bool:
        return self.half_closes

    def get_extra_info(self, _name: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: bytes) -> None:
        assert not self.ended, "nothing is said after the end"
        self.said += data

    def write_eof(self) -> None:
        assert self.half_closes
        self.ended = True

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    def get_write_buffer_size(self) -> int:
        return 0


WHOLE = request("GET", "/call")
FORM = request("POST", "/form", b"app=1&code=2", "application/x-www-form-urlencoded")
UNWANTED = request("POST", "/nowhere", b"a" * 10, "text/plain")
LAST = WHOLE[:-2] + b"connection: close\r\n\r\n"


def _let_time_pass(connection: Connection) -> None:
    for now in (0.0, 1000.0):
        connection.enforce(now)


STEPS: Mapping[str, Callable[[Connection], object]] = {
    "a request": lambda connection: connection.data_received(WHOLE),
    "one that takes its time": lambda connection: connection.data_received(request("GET", "/slow")),
    "the last one": lambda connection: connection.data_received(LAST),
    "a part of a head": lambda connection: connection.data_received(WHOLE[:10]),
    "a head": lambda connection: connection.data_received(FORM[:-12]),
    "a body": lambda connection: connection.data_received(FORM[-12:]),
    "a part of a body that nobody wants": lambda connection: connection.data_received(UNWANTED[:-5]),
    "nonsense": lambda connection: connection.data_received(b"\0 /\r\n\r\n"),
    "the end": lambda connection: connection.eof_received(),
    "the server's end": lambda connection: connection.shutdown(),
    "nobody waits any more": lambda connection: connection.give_up(),
    "time": _let_time_pass,
}
ANSWER = "what takes its time is done"


@pytest.mark.parametrize("half_closes", [True, False], ids=["plain", "TLS"])
async def test_whatever_happens_in_whatever_order_a_connection_does_what_its_states_say(
    *, half_closes: bool
) -> None:
    gate = asyncio.Event()

    async def slow(_params: Any, _call: Call) -> str:
        await gate.wait()
        return "slow"

    app = create_app([*ROUTES, route("/slow", slow, quick=True)], FALLBACK)
    for steps in itertools.product((*STEPS, ANSWER), repeat=3):
        connection, line = connected(app, half_closes=half_closes)
        gate.clear()
        for step in (*steps, ANSWER):
            if step == ANSWER:
                gate.set()
            else:
                STEPS[step](connection)
            for _ in range(5):
                await asyncio.sleep(0)
            check(connection, line, steps)
            if line.closed:
                break
        connection.connection_lost(None)
        assert (connection._states.reading, connection._states.saying) == (Reading.OVER, Saying.CLOSED)


def connected(app: Any, *, half_closes: bool) -> tuple[Connection, Line]:
    """A connection of its own server, and its line."""
    config: Any = SimpleNamespace(loaded_app=Site(app, ProtocolLimits()))
    connection, line = Connection(config, ServerState(), {}), Line(half_closes=half_closes)
    connection.connection_made(cast("asyncio.Transport", line))
    return connection, line


def check(connection: Connection, line: Line, steps: tuple[str, ...]) -> None:
    """What the states say is what was done, once the loop has nothing to do."""
    states, owing = connection._states, connection.owing()
    seen = {
        Saying.OPEN: not line.ended and not line.closed,
        Saying.LAST: not line.ended and not line.closed and owing is not Owing.NOTHING,
        Saying.MUTE: line.ended and not line.closed and states.reading is Reading.OVER,
        Saying.CLOSED: line.closed and states.reading is Reading.OVER,
    }
    assert seen[states.saying], (steps, states.saying, states.reading, owing, line.said)
    if states.saying is Saying.OPEN and states.reading is Reading.OVER:  # what ends it is owed
        assert owing is not Owing.NOTHING, steps
