"""Whose address is the caller's when reverse proxies are in front of this service."""

from collections.abc import Callable, Iterable, Sequence

from lingpai.core.addresses import NOBODY, Network, read_address

RawHeaders = Iterable[tuple[bytes, bytes]]
PeerOf = Callable[[str, RawHeaders], str]

PRIVATE_NETWORKS = (
    *("127.0.0.0/8", "::1/128"),
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
)
"""This machine, and what is not routed in public (RFC 1918, RFC 4193)."""


def walk_back(peer: str, hops: Iterable[str], trusted: Sequence[Network], *, local: bool = False) -> str:
    """The nearest address that is not a trusted proxy's.

    Args:
        peer: the socket's peer; "" for a Unix socket's.
        hops: values of the `X-Forwarded-For` header lines, in the order of the request.
        trusted: networks of the proxies that we run.
        local: whether what connects by a Unix socket is such a proxy.

    Returns:
        The address as text. `NOBODY` when a trusted proxy names no client: its header is missing, its nearest entry is
        no address (`unknown`, `unix:`, `_hidden`, nothing after a comma), or all entries are trusted proxies.
    """
    entries = [entry for line in hops for entry in line.split(",")]
    nearest = read_address(entries.pop() if local and not peer and entries else peer)
    if nearest is None:
        return NOBODY
    while any(nearest in network for network in trusted):
        earlier = read_address(entries.pop()) if entries else None
        if earlier is None:
            return NOBODY
        nearest = earlier
    return str(nearest)


def peer_reader(trusted: Sequence[Network], *, local: bool = False) -> PeerOf | None:
    """Return a function from the socket's peer and the headers to the caller's address; None without proxies."""
    if not trusted and not local:
        return None

    def forwarded_peer(socket_peer: str, headers: RawHeaders) -> str:
        lines = (value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for")
        return walk_back(socket_peer, lines, trusted, local=local)

    return forwarded_peer
