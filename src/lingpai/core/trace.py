"""Trace ids: time-based UUIDs (version 1), as the seed shows them.

One is made for every request, so it is put together here in a sixth of the time that `uuid.uuid1` takes; a
test holds the two against each other.
"""

import secrets
import time

_INTERVALS_BEFORE_1970 = 0x01B21DD213814000
"""100 ns intervals between the start of the Gregorian calendar and the unix epoch (RFC 9562 §5.1)."""

# A random node with the multicast bit (RFC 9562 §6.10) instead of the machine's address, which is nobody's business.
_NODE = secrets.randbits(48) | (1 << 40)
_TAIL = f"{secrets.randbits(14) | 0x8000:04x}-{_NODE:012x}"
_last = 0


def new_trace_id() -> str:
    """A fresh version 1 UUID as 36 characters (seed 003.

    Keeper-api.md "Envelope"). For use from one thread.
    """
    global _last  # noqa: PLW0603  two ids of one moment must differ
    moment = time.time_ns() // 100 + _INTERVALS_BEFORE_1970
    if moment <= _last:
        moment = _last + 1
    _last = moment
    digits = f"{moment:015x}"
    return f"{digits[7:]}-{digits[3:7]}-1{digits[:3]}-{_TAIL}"
