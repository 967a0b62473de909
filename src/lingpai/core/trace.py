"""Trace ids: time-based UUIDs (version 1), as the seed shows them."""

import secrets
import uuid

# A random node with the multicast bit (RFC 9562 §6.10) instead of the machine's address, which is nobody's business.
_NODE = secrets.randbits(48) | (1 << 40)
_CLOCK_SEQUENCE = secrets.randbits(14)


def new_trace_id() -> str:
    """A fresh version 1 UUID as 36 characters (seed 003; keeper-api.md "Envelope")."""
    return str(uuid.uuid1(_NODE, _CLOCK_SEQUENCE))
