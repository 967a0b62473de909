"""Limits of size and time for a peer.

Time is watched from outside, by looks about once a second, so that a request costs no timer.
"""

import dataclasses

from lingpai.edge.states import BODY_TIMEOUT, DEADLINES, Expiry, Owing, Reading

KIB = 1024


@dataclasses.dataclass(frozen=True, slots=True)
class ProtocolLimits:
    """Limits of one connection; those of a body are the application's, see `EdgeOptions`. Times are kept to the second.

    Attributes:
        head_bytes: of request line and headers together; more is 431. The same limit is for what is between two
            pieces of a body, or after the last: lengths of chunks, their extensions, trailers.
        head_timeout: seconds in which a head must have arrived, from the connection or its own first byte.
        keep_alive: seconds that a connection may idle between two requests.
        write_timeout: seconds in which a peer has to read something of an answer that waits for it.
        drain_bytes: how much of a refused body is read and dropped, so that the refusal arrives, before the
            line is cut.
        drain_timeout: seconds in which that has to come.
    """

    head_bytes: int = 16 * KIB
    head_timeout: float = 10.0
    keep_alive: float = 75.0
    write_timeout: float = 30.0
    drain_bytes: int = KIB * KIB
    drain_timeout: float = 15.0


class _Watch:
    """Since when something has been as it is. It only looks; nothing is noted while requests are served."""

    __slots__ = ("_since", "_state")

    def __init__(self) -> None:
        self._state: object = None
        self._since = 0.0

    def look(self, state: object, now: float) -> float:
        """Seconds for which `state` has been seen, which is equal as long as nothing has changed."""
        if state != self._state:
            self._state, self._since = state, now
        return now - self._since


class Deadlines:
    """The deadlines of one connection.

    Args:
        limits: of the connection.
    """

    __slots__ = ("_limits", "_reader", "_watch")

    def __init__(self, limits: ProtocolLimits) -> None:
        self._limits = limits
        self._watch, self._reader = _Watch(), _Watch()

    def is_stuck(self, unsent: int, now: float) -> bool:
        """Return whether the peer has taken nothing for too long of what waits for it.

        Args:
            unsent: bytes that wait.
            now: the loop's time, in seconds.
        """
        return self._reader.look((unsent, None), now) >= self._limits.write_timeout

    def expired(
        self, reading: Reading, owing: Owing, answered: int, body_timeout: float, now: float
    ) -> Expiry | None:
        """Return what is to be done about a connection whose peer takes what it is sent, or None.

        Args:
            reading: what may come next.
            owing: what is owed for what came.
            answered: how many requests were answered so far.
            body_timeout: seconds in which the body that is on its way must have arrived.
            now: the loop's time, in seconds.
        """
        self._reader.look(None, now)
        waited = self._watch.look((reading, owing, answered), now)
        deadline = DEADLINES.get((reading, owing))
        if deadline is None:
            return None
        name, expiry = deadline
        limit = body_timeout if name == BODY_TIMEOUT else float(getattr(self._limits, name))
        return expiry if waited >= limit else None
