"""The states of a connection, what moves it from one to the next, and how long it may stay in each.

Reading runs ahead of answering: several requests may come in one piece (RFC 9112 §9.3.2), and their answers go out one
after the other. So there are two states, one of what is read and one of what is owed for it.
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
    """Nothing that would be read: the connection ends with the answers that are owed."""


class Event(enum.IntEnum):
    """An event that changes `Reading`."""

    BYTES = enum.auto()
    """Bytes came that are no whole message."""
    HEAD = enum.auto()
    """A head is complete."""
    MESSAGE = enum.auto()
    """A message is complete."""
    LAST = enum.auto()
    """No further message will be read."""


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


TRANSITIONS: Final[Mapping[tuple[Reading, Event], Reading]] = {
    (Reading.FRESH, Event.BYTES): Reading.HEAD,
    (Reading.IDLE, Event.BYTES): Reading.HEAD,
    (Reading.HEAD, Event.BYTES): Reading.HEAD,
    (Reading.HEAD, Event.HEAD): Reading.BODY,
    (Reading.BODY, Event.MESSAGE): Reading.IDLE,
    (Reading.FRESH, Event.MESSAGE): Reading.IDLE,  # one that came alone and whole, after a head that is known
    (Reading.IDLE, Event.MESSAGE): Reading.IDLE,
    **{(each, Event.LAST): Reading.OVER for each in Reading},
}
"""Transitions that are not here cannot happen."""

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
"""Which limit counts from the beginning of a state, by its name, and what follows; no other state has one."""
