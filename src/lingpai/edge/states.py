"""The states of a connection, what moves it from one to the next, and how long it may stay in each.

Reading runs ahead of answering: several requests may come in one piece (RFC 9112 §9.3.2), and their answers go out one
after the other. So a connection has two states, one of what the peer may send and one of what the server may say; each
event moves both. What the server owes, and so which deadline counts, follows from what was read and answered.
"""

import enum
from collections.abc import Mapping
from typing import Final


class Reading(enum.IntEnum):
    """The part of a message that the peer may send next."""

    FRESH = enum.auto()
    """Anything: nothing has come yet."""
    IDLE = enum.auto()
    """Anything: the last message is complete."""
    HEAD = enum.auto()
    """The rest of a head."""
    BODY = enum.auto()
    """The rest of a message whose head is complete."""
    OVER = enum.auto()
    """Nothing that would be read."""


class Saying(enum.IntEnum):
    """The part that the server has in the connection from now on."""

    OPEN = enum.auto()
    """It answers what is asked."""
    LAST = enum.auto()
    """It answers what was asked, and then the connection ends."""
    MUTE = enum.auto()
    """Nothing more: all is said, and what the peer still sends is dropped, until it ends the connection."""
    CLOSED = enum.auto()
    """Nothing more: its end of the connection is closed."""


class Event(enum.IntEnum):
    """An event that changes the states."""

    BYTES = enum.auto()
    """Bytes came that are no whole message."""
    HEAD = enum.auto()
    """A head is complete."""
    MESSAGE = enum.auto()
    """A message is complete."""
    LAST_MESSAGE = enum.auto()
    """A message is complete, and no further one will be read."""
    END = enum.auto()
    """The peer sends no more."""
    UNREADABLE = enum.auto()
    """The message cannot be read, or is too late."""
    SHUTDOWN = enum.auto()
    """The server ends."""
    LAST_WORD = enum.auto()
    """The last answer is said, or there was none to say, and the peer has sent all of its request."""
    EARLY_WORD = enum.auto()
    """The last answer is said, and the peer may still be sending: closing now could take the answer from it."""
    CUT = enum.auto()
    """The connection is closed, cut or lost."""


class Owing(enum.IntEnum):
    """The answer that the server owes the peer."""

    NOTHING = enum.auto()
    """All that was asked is answered."""
    BODY = enum.auto()
    """An answer, but the request's body is still on its way."""
    ANSWER = enum.auto()
    """An answer, and it is not the peer's to hurry."""


class Expiry(enum.Enum):
    """The action when a limit is exceeded."""

    CLOSE = enum.auto()
    """The connection ends without a word."""
    REFUSE = enum.auto()
    """408 as plain text: no route is known."""
    ANSWER = enum.auto()
    """REQUEST_TIMEOUT in the shape of the route."""
    ABORT = enum.auto()
    """The connection is cut: a peer that does not read would keep a polite close waiting for ever."""


_READ_NO_MORE: Final = (
    *(Event.LAST_MESSAGE, Event.END, Event.UNREADABLE, Event.LAST_WORD, Event.EARLY_WORD),
    Event.CUT,
)
READING: Final[Mapping[tuple[Reading, Event], Reading]] = {
    (Reading.FRESH, Event.BYTES): Reading.HEAD,
    (Reading.IDLE, Event.BYTES): Reading.HEAD,
    (Reading.HEAD, Event.BYTES): Reading.HEAD,
    (Reading.HEAD, Event.HEAD): Reading.BODY,
    (Reading.BODY, Event.MESSAGE): Reading.IDLE,
    (Reading.FRESH, Event.MESSAGE): Reading.IDLE,  # one that came alone and whole, after a head that is known
    (Reading.IDLE, Event.MESSAGE): Reading.IDLE,
    **{(each, event): Reading.OVER for each in Reading for event in _READ_NO_MORE},
    **{(each, Event.SHUTDOWN): each for each in Reading},
}
"""Transitions that are not here cannot happen."""

SAYING: Final[Mapping[tuple[Saying, Event], Saying]] = {
    **{
        (each, event): each
        for each in Saying
        for event in (Event.BYTES, Event.HEAD, Event.MESSAGE, Event.LAST_MESSAGE)
    },
    **{(Saying.OPEN, event): Saying.LAST for event in (Event.END, Event.UNREADABLE, Event.SHUTDOWN)},
    **{(Saying.LAST, event): Saying.LAST for event in (Event.END, Event.UNREADABLE, Event.SHUTDOWN)},
    (Saying.OPEN, Event.LAST_WORD): Saying.CLOSED,
    (Saying.LAST, Event.LAST_WORD): Saying.CLOSED,
    (Saying.OPEN, Event.EARLY_WORD): Saying.MUTE,
    (Saying.LAST, Event.EARLY_WORD): Saying.MUTE,
    (Saying.MUTE, Event.END): Saying.CLOSED,
    (Saying.MUTE, Event.SHUTDOWN): Saying.CLOSED,
    (Saying.MUTE, Event.UNREADABLE): Saying.MUTE,
    **{(each, Event.CUT): Saying.CLOSED for each in Saying},
    **{(Saying.CLOSED, event): Saying.CLOSED for event in Event},
}
"""As `READING`."""


class States:
    """The states of one connection.

    Attributes:
        reading: what the peer may send next.
        saying: what the server may say.
    """

    __slots__ = ("reading", "saying")

    def __init__(self) -> None:
        self.reading = Reading.FRESH
        self.saying = Saying.OPEN

    def advance(self, event: Event) -> None:
        """Move on, by the tables.

        Raises:
            KeyError: such an event cannot happen now.
        """
        self.reading = READING[self.reading, event]
        self.saying = SAYING[self.saying, event]


BODY_TIMEOUT: Final = "body_timeout"
"""The limit that the endpoint has."""
DEADLINES: Final[Mapping[tuple[Reading, Owing], tuple[str, Expiry]]] = {
    (Reading.FRESH, Owing.NOTHING): ("head_timeout", Expiry.CLOSE),
    (Reading.HEAD, Owing.NOTHING): ("head_timeout", Expiry.REFUSE),
    (Reading.BODY, Owing.BODY): (BODY_TIMEOUT, Expiry.ANSWER),
    (Reading.BODY, Owing.NOTHING): ("drain_timeout", Expiry.CLOSE),
    (Reading.IDLE, Owing.NOTHING): ("keep_alive", Expiry.CLOSE),
    (Reading.OVER, Owing.NOTHING): ("drain_timeout", Expiry.ABORT),
}
"""The limit that counts from the beginning of a state, by its name, and what follows; other states have none."""
