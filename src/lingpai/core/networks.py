"""The network by which a caller is counted."""

import functools
from ipaddress import IPv4Address, IPv6Network, ip_address, ip_network

from lingpai.core.addresses import unmapped

_SUBSCRIBER_BITS = 64
"""Leading bits of an IPv6 address that one subscriber has for all devices (RFC 4291 §2.5.4, RFC 6177)."""


@functools.lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the network that counts as one caller: an IPv4 address, or the /64 of an IPv6 one.

    An IPv4-mapped address counts as the IPv4 address, see `unmapped`. What is no address is returned unchanged.
    """
    try:
        parsed = unmapped(ip_address(address))
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    host_bits = 128 - _SUBSCRIBER_BITS
    return str(IPv6Network((int(parsed) >> host_bits << host_bits, _SUBSCRIBER_BITS)))


def is_network(text: str) -> bool:
    """Return whether a text is an address or a CIDR block."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
