"""The names by which a request without a key may address this service.

A web page can point a name of its own at any address (DNS rebinding), also at one behind a firewall. Its requests then
come from inside the trusted network, and carry its own name in `Host`. A name that no outsider can own is safe: an
address, `localhost`, a name of one label (a service in a compose network), and names that the operator lists.
"""

import functools
import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Final

LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_LABEL: Final = re.compile(LABEL)
_VALUE: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\x7f-\xff\[\]:/?#@\\,]*)(?::[0-9]{0,5})?")
_MOST_REMEMBERED: Final = 1024
_PART: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PAGES: Final = re.compile(rf"(?:\*\.)?(?:{_PART}\.)*{_PART}(?::\d{{1,5}})?", re.IGNORECASE)
_LONGEST_HOST: Final = 260


def is_valid_host(value: bytes) -> bool:
    """Return whether a `Host` value is valid (RFC 9110 §7.2): a host and maybe a port; empty is valid."""
    return _VALUE.fullmatch(value.decode("latin-1")) is not None


def is_host(text: str) -> bool:
    """Return whether a text is a host name, with or without a port, or `*.` and one for all hosts below it."""
    return len(text) <= _LONGEST_HOST and bool(_PAGES.fullmatch(text))


def host_name(value: str) -> str:
    """Return the name of a `Host` value, in lower case, without port; "" when there is none or it is malformed."""
    found = _VALUE.fullmatch(value.strip(" \t"))
    return found["host"].lower() if found else ""


def _is_address(name: str) -> bool:
    try:
        if name.startswith("["):
            IPv6Address(name[1:-1])
        else:
            IPv4Address(name)
    except ValueError:
        return False
    return True


def _needs_no_owner(name: str) -> bool:
    """Return whether no outsider can own this name: an address, `localhost` (RFC 6761 §6.3), a name of one label."""
    local = name.removesuffix(".")
    if local == "localhost" or local.endswith(".localhost"):
        return True
    return _is_address(name) or _LABEL.fullmatch(name) is not None


class Hosts:
    """The names by which requests without a key may address this service.

    Args:
        names: besides those that no outsider can own; `.example.com` means each name below `example.com`.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        lowered = {name.lower().removesuffix(".") for name in names if name}
        self._names = frozenset(name for name in lowered if not name.startswith("."))
        self._suffixes = tuple(name for name in lowered if name.startswith("."))
        self.includes = functools.lru_cache(maxsize=_MOST_REMEMBERED)(self._includes)

    def _includes(self, value: str | None) -> bool:
        """Return whether a `Host` value (None: a request without one) has one of the names."""
        name = host_name(value or "")
        if not name:
            return False
        plain = name.removesuffix(".")
        return _needs_no_owner(name) or plain in self._names or plain.endswith(self._suffixes)
