"""Trace ids: time-based UUIDs (version 1), as the original shows them."""

import secrets
import time

# A random node with the multicast bit (RFC 9562 §6.10) instead of the host's address, which must not be published.
_NODE = secrets.randbits(48) | (1 << 40)
_CLOCK_SEQUENCE = secrets.randbits(14)
# The part that is the same in every id of this process: variant, clock sequence and node.
_TAIL = f"{0x8000 | _CLOCK_SEQUENCE:04x}-{_NODE:012x}"
_GREGORIAN = 0x01B21DD213814000  # 100 ns steps from 1582-10-15 to the unix epoch (RFC 9562 §5.1)

_last = 0
_high = -1
_rest = ""


def new_trace_id() -> str:
    """Return a new version 1 UUID as 36 characters (docs/spec/keeper.md "Envelope").

    Written out here because `uuid.uuid1` takes four times as long and every request needs one. Ids of one process
    never repeat, also when the clock is set back.
    """
    global _last, _high, _rest  # noqa: PLW0603  the last time used is the state
    moment = time.time_ns() // 100 + _GREGORIAN
    _last = moment = moment if moment > _last else _last + 1
    high = moment >> 32
    if high != _high:  # once in seven minutes
        _high, _rest = high, f"-{high & 0xFFFF:04x}-{0x1000 | high >> 16 & 0x0FFF:04x}-{_TAIL}"
    return f"{moment & 0xFFFFFFFF:08x}{_rest}"
