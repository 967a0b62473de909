"""Whose address counts as the caller's, when proxies stand before us."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
RawHeaders = Iterable[tuple[bytes, bytes]]
PeerOf = Callable[[str, RawHeaders], str]

PRIVATE_NETWORKS = (
    *("127.0.0.0/8", "::1/128"),
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
)
"""This machine, and what is not routed in public (RFC 1918, RFC 4193)."""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    # Proxies write "1.2.3.4", "1.2.3.4:5678", "2001:db8::1" and "[2001:db8::1]:5678".
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_within(peer: str, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of these networks; a peer without an address lies in none."""
    address = _address(peer)
    return address is not None and any(address in network for network in networks)


def walk_back(peer: str, hops: Iterable[str], trusted: Sequence[Network]) -> str:
    """The nearest address that is not a trusted proxy's (attacks.md G69).

    Args:
        peer: the socket's peer.
        hops: values of the `X-Forwarded-For` header lines, in the order of the request.
        trusted: networks of the proxies that we run.

    Returns:
        The address as text. A hop that is no address ends the walk: nothing behind it can be believed.
    """
    nearest = _address(peer)
    entries = [entry for line in hops for entry in line.split(",")]
    while nearest is not None and entries and any(nearest in network for network in trusted):
        earlier = _address(entries.pop())
        if earlier is None:
            break
        nearest = earlier
    return peer if nearest is None else str(nearest)


def _socket_peer(socket_peer: str, _headers: RawHeaders) -> str:
    return socket_peer


def peer_reader(trusted: Sequence[Network]) -> PeerOf:
    """A function from the socket's peer and the headers to the caller's address; without proxies it is the former."""
    if not trusted:
        return _socket_peer

    def forwarded_peer(socket_peer: str, headers: RawHeaders) -> str:
        lines = (value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for")
        return walk_back(socket_peer, lines, trusted)

    return forwarded_peer
