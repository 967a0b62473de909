"""Whom an address stands for when failures are counted."""

import functools
from ipaddress import IPv6Network, ip_address

_SUBSCRIBER_BITS = 64
"""Leading bits of an IPv6 address that one subscriber has for all of their machines (RFC 4291 §2.5.4, RFC 6177)."""


@functools.lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The network that counts as one caller: an IPv4 address, or the /64 of an IPv6 one.

    An IPv4 address that is mapped into IPv6 (RFC 4291 §2.5.5.2) is that IPv4 address. What is no address is itself.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004  the version's name
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    host_bits = 128 - _SUBSCRIBER_BITS
    return str(IPv6Network((int(parsed) >> host_bits << host_bits, _SUBSCRIBER_BITS)))
