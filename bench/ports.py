"""TCP ports for programs that cannot choose their own."""

import secrets
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000
_USUAL = 32_768
"""Where the ports of outgoing connections begin, unless the system says otherwise."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nobody listens.

    It is not one that the system gives to outgoing connections, which would take it before a program listens there.

    Raises:
        OSError: none was found.
    """
    first = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else _USUAL
    for _ in range(1_000):
        port = _LOWEST + secrets.randbelow(max(1, first - _LOWEST))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port was found")
