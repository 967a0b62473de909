"""Parse the addresses of callers strictly, and look them up in networks.

A caller whose address is not known has the address `NOBODY`, which is in no network.
"""

import functools
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOBODY = ""
"""The address of a caller whose address is not known. Limits by address count all such callers together."""
_BLANKS = " \t"
_MOST_PORT = 65_535


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text[:6]) <= _MOST_PORT


def _without_port(text: str) -> str | None:
    """`1.2.3.4:5678`, `[2001:db8::1]:5678` and the same without a port; None when what follows is no port."""
    if text.startswith("["):
        inside, closed, rest = text[1:].partition("]")
        whole = bool(closed) and ":" in inside and (not rest or (rest[0] == ":" and _is_port(rest[1:])))
        return inside if whole else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host if _is_port(port) else None
    return text


def unmapped(address: Address) -> Address:
    """Return the IPv4 address that is mapped into an IPv6 one (RFC 4291 §2.5.5.2); any other address as it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def read_address(text: str) -> Address | None:
    """Return the address in a text from a proxy or a socket, or None when it cannot be a caller's address.

    A port is dropped; so is the zone of a link-local IPv6 address (RFC 4007), which means something on one machine
    only. An IPv4-mapped address is the IPv4 address, see `unmapped`.
    """
    host = _without_port(text.strip(_BLANKS))
    if host is None:
        return None
    plain, zone, _ = host.partition("%")
    try:
        address = ip_address(plain)
    except ValueError:
        return None
    if zone and not (isinstance(address, IPv6Address) and address.is_link_local):
        return None
    address = unmapped(address)
    return None if address.is_unspecified or address.is_multicast else address


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine for itself alone: a loopback address, or `localhost` (RFC 6761 §6.3)."""
    found = read_address(host)
    return host.lower() == "localhost" if found is None else found.is_loopback


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Return whether an address is in one of these networks; `NOBODY`, and text that is no address, is in none."""
    found = read_address(address)
    return found is not None and any(found in network for network in networks)


@functools.lru_cache(maxsize=4096)
def is_within_blocks(address: str, blocks: tuple[str, ...]) -> bool:
    """Return the same as `is_within`, for CIDR blocks as text; cached, as few callers send most requests."""
    return is_within(address, [ip_network(block, strict=False) for block in blocks])


def overlaps(some: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of CIDR blocks, one of each side, that have an address in common."""
    theirs = [(block, ip_network(block, strict=False)) for block in others]
    return [
        (block, other)
        for block, network in ((block, ip_network(block, strict=False)) for block in some)
        for other, their in theirs
        if network.version == their.version and network.overlaps(their)
    ]
