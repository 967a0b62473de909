"""In which order the hosts of an address are asked, and for how long each."""

import random
import time
from collections.abc import Sequence
from typing import Final

from lingpai.store.libpq import Host

FEWEST_SECONDS: Final = 0.2
"""A host is given at least this long, however many there are."""


class Record:
    """The state of the hosts of one address when they were last connected to.

    Attributes:
        keeps_sessions: whether the pooler between us and the server keeps them.
    """

    def __init__(self) -> None:
        self.keeps_sessions = False
        self._writer: Host | None = None
        self._failed: dict[Host, float] = {}

    def order(self, hosts: Sequence[Host], *, shuffled: bool) -> list[Host]:
        """Hosts in the order in which to ask them.

        The one that took writes last comes first, those that did not answer or took no writes last, the one that
        failed longest ago before the others.

        Args:
            hosts: as the address names them.
            shuffled: whether their order in the address means nothing (`load_balance_hosts=random`).
        """
        places = list(hosts)
        if shuffled:
            random.shuffle(places)
        return sorted(places, key=lambda host: (host != self._writer, self._failed.get(host, 0.0)))

    def takes_writes(self, host: Host) -> None:
        """Note that a host did, just now."""
        self._writer = host
        self._failed.pop(host, None)

    def failed(self, host: Host) -> None:
        """Note that a host did not answer, or takes no writes."""
        self._failed[host] = time.monotonic()
        if self._writer == host:
            self._writer = None


_records: dict[str, Record] = {}


def record_of(dsn: str) -> Record:
    """Return this process's record of the hosts of an address: one for pool, listener and migrations."""
    return _records.setdefault(dsn, Record())


def share(left: float, asked: int, limit: int | None) -> float:
    """Seconds for the next host (or address), so that every one that is left gets its share.

    Args:
        left: seconds for all of them.
        asked: how many are left, this one included.
        limit: the address's `connect_timeout`; nothing and 0 are no limit.
    """
    seconds = max(left / asked, FEWEST_SECONDS)
    return min(seconds, float(limit)) if limit is not None and limit > 0 else seconds
