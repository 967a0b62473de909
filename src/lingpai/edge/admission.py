"""Admission of connections: at most so many in all and from one address; the longest idle one makes room.

Each connection takes a descriptor, and the store and calls of platforms need some too. Several workers share the
listening sockets, and each counts its own connections.
"""

import dataclasses
import errno
import heapq
import itertools
import os
import resource
from pathlib import Path
from typing import Final, Protocol

from lingpai.core.addresses import Network, is_within
from lingpai.core.logs import structlog
from lingpai.core.networks import network_of
from lingpai.edge.logs import allow
from lingpai.edge.metrics import ConnectionMeter

IN_ALL: Final = "all"
BY_ADDRESS: Final = "address"
SPARE_DESCRIPTORS: Final = 128
"""For what is opened while serving: a hundred connections to platforms, more to the store, files."""
QUIET_SECONDS: Final = 10.0
"""After which a limit that was reached counts as kept again."""
_LOOKS: Final = 64
"""Busy connections that are passed over for one that comes: no more, or each that comes would cost a look at all."""
_FREED_AT_ONCE: Final = 16
_DESCRIPTORS: Final = Path("/proc/self/fd")
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE})
allow("limit", "most", "network", "closed", "refused")
log = structlog.get_logger("lingpai.edge")


@dataclasses.dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on the connections of one process.

    Attributes:
        most: in all; less where the system allows too few descriptors.
        most_by_address: from one IPv4 address or one IPv6 network of 64 bits; at most three quarters of all.
        proxies: networks of proxies, whose addresses many callers share: only `most` limits them.
        reserve: descriptors that connections leave free, beyond those open when the server starts.
    """

    most: int = 10_000
    most_by_address: int = 1_000
    proxies: tuple[Network, ...] = ()
    reserve: int = SPARE_DESCRIPTORS


class Candidate(Protocol):
    """A connection as far as its admission is concerned.

    Attributes:
        active_at: when it was last accepted or answered, by `perf_counter`.
        admitted: whether it counts.
        network: what it is counted by, or None when it is exempt.
    """

    active_at: float
    admitted: bool
    network: str | None

    def is_idle(self) -> bool:
        """Return whether nothing is owed and no request has begun."""
        ...

    def close_idle(self) -> None:
        """End the connection, which is idle."""
        ...


class _Line:
    """Connections in the order in which they fell idle; put right only when somebody has to make room."""

    def __init__(self) -> None:
        self.open = 0
        self._numbers = itertools.count()
        self._heap: list[tuple[float, int, Candidate]] = []

    def add(self, candidate: Candidate) -> None:
        self.open += 1
        heapq.heappush(self._heap, (candidate.active_at, next(self._numbers), candidate))

    def leave(self) -> None:
        """Count one less; its entry goes when most entries are of such."""
        self.open -= 1
        if len(self._heap) > 2 * self.open + _LOOKS:
            self._heap = [entry for entry in self._heap if entry[2].admitted]
            heapq.heapify(self._heap)

    def longest_idle(self, now: float) -> Candidate | None:
        heap, looks = self._heap, _LOOKS
        while heap:
            noted, _, candidate = heap[0]
            if not candidate.admitted:
                heapq.heappop(heap)
            elif candidate.active_at != noted:
                heapq.heapreplace(heap, (candidate.active_at, next(self._numbers), candidate))
            elif candidate.is_idle():
                return candidate
            elif looks:
                looks -= 1
                candidate.active_at = now  # it will fall idle after that
                heapq.heapreplace(heap, (now, next(self._numbers), candidate))
            else:
                break
        return None


class _Episode:
    """A time in which a limit was reached again and again: one log line when it begins, one when it ends."""

    def __init__(self, limit: str) -> None:
        self._limit = limit
        self._began: float | None = None
        self._last = 0.0
        self._closed = self._refused = 0

    def note(self, now: float, most: int, network: str | None, *, refused: bool) -> None:
        if self._began is None:
            self._began = now
            self._closed = self._refused = 0
            log.warning("connections_full", limit=self._limit, most=most, network=network)
        self._last = now
        self._refused += refused
        self._closed += not refused

    def end_if_quiet(self, now: float) -> None:
        if self._began is None or now - self._last < QUIET_SECONDS:
            return
        seconds = round(self._last - self._began, 1)
        log.info(
            "connections_full_over",
            limit=self._limit,
            closed=self._closed,
            refused=self._refused,
            seconds=seconds,
        )
        self._began = None


class Admission:
    """The connections of all servers of one loop.

    Args:
        limits: how many.
    """

    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self._limits = limits or ConnectionLimits()
        self._most = self._most_by_address = 0
        self._all = _Line()
        self._by_network: dict[str, _Line] = {}
        self._episodes = {limit: _Episode(limit) for limit in (IN_ALL, BY_ADDRESS)}
        self._meter = ConnectionMeter()
        self._exhausted: float | None = None  # when there was no descriptor left, until that is long ago
        self._limit_to(self._limits.most)

    @property
    def most(self) -> int:
        """Connections that are let in at the same time."""
        return self._most

    @property
    def most_by_address(self) -> int:
        """Connections of one address that are let in at the same time."""
        return self._most_by_address

    def _limit_to(self, most: int) -> None:
        self._most = max(1, most)
        self._most_by_address = min(self._limits.most_by_address, max(1, self._most * 3 // 4))

    def fit_descriptors(self) -> None:
        """Leave descriptors for others than connections; called when all that a server keeps open is open."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY:
            return
        free = soft - open_descriptors() - self._limits.reserve
        self._limit_to(min(self._limits.most, max(free, soft // 4)))

    def network_of(self, address: str) -> str | None:
        """Return what a connection from `address` is counted by; None for a proxy's, and for a local socket's."""
        if not address or is_within(address, self._limits.proxies):
            return None
        return network_of(address)

    def admit(self, candidate: Candidate, now: float) -> bool:
        """Let a new connection in, if there is room or can be made.

        Args:
            candidate: the connection.
            now: the time, by `perf_counter`.
        """
        network, line = candidate.network, None
        if network is not None:
            line = self._by_network.get(network)
            if line is None:
                line = self._by_network[network] = _Line()
        room = (
            line is None or self._has_room(line, self._most_by_address, BY_ADDRESS, network, now)
        ) and self._has_room(self._all, self._most, IN_ALL, network, now)
        if room:
            candidate.admitted = True
            self._all.add(candidate)
            if line is not None:
                # The line may have been let go with the last connection in it.
                self._by_network.setdefault(network or "", line).add(candidate)
        elif line is not None and not line.open:
            self._by_network.pop(network or "", None)
        return room

    def _has_room(self, line: _Line, most: int, limit: str, network: str | None, now: float) -> bool:
        if line.open < most:
            return True
        longest = line.longest_idle(now)
        self._episodes[limit].note(now, most, network, refused=longest is None)
        self._meter.count(limit, refused=longest is None)
        if longest is None:
            return False
        self._end(longest)
        return True

    def _end(self, candidate: Candidate) -> None:
        self.leave(candidate)
        candidate.close_idle()

    def leave(self, candidate: Candidate) -> None:
        """Count a connection no longer; does nothing for one that does not count."""
        if not candidate.admitted:
            return
        candidate.admitted = False
        self._all.leave()
        network = candidate.network
        if network is not None:
            line = self._by_network[network]
            line.leave()
            if not line.open:
                del self._by_network[network]

    def look(self, now: float) -> None:
        """Publish what was counted, end episodes, and see to it that there are descriptors; called each second.

        Args:
            now: the time, by `perf_counter`.
        """
        self._meter.open = self._all.open
        self._meter.publish()
        for episode in self._episodes.values():
            episode.end_if_quiet(now)
        if has_descriptors():
            if self._exhausted is not None and now - self._exhausted >= QUIET_SECONDS:
                self._exhausted = None
                log.info("descriptors_free")
            return
        # The event loop closes what it accepts without a descriptor to spare, and says nothing.
        if self._exhausted is None:
            log.error("descriptors_exhausted", count=self._all.open)
        self._exhausted = now
        for _ in range(_FREED_AT_ONCE):
            longest = self._all.longest_idle(now)
            if longest is None:
                break
            self._meter.count(IN_ALL, refused=False)
            self._end(longest)

    def end(self) -> None:
        """Publish a last time."""
        self._meter.open = self._all.open
        self._meter.publish()


def open_descriptors() -> int:
    """Return how many descriptors this process has open; 0 where the system does not say."""
    try:
        return sum(1 for _ in _DESCRIPTORS.iterdir()) - 1  # but for the one that looks
    except OSError:
        return 0


def has_descriptors() -> bool:
    """Return whether one more descriptor can be opened."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno not in _EXHAUSTED
    return True
