"""The host that a request addresses: exactly one (RFC 9112 §3.2)."""

from collections.abc import Iterable

from lingpai.core.hosts import is_valid_host

_ORIGIN_FORMS = (b"/", b"*")
_DEFAULT_PORT = b":80"


def names_one_host(lines: Iterable[tuple[bytes, bytes]], version: str, method: bytes, target: bytes) -> bool:
    """Return whether a head names one host, validly; others are answered 400.

    HTTP/1.1 demands one `Host` line. A target in absolute form names a host too, and it has to be the same: who reads
    the one must not be misled by the other.

    Args:
        lines: the header lines, names in lower case.
        version: of HTTP, such as "1.1".
        method: upper-case.
        target: the request target as it came.
    """
    values = [value.strip(b" \t") for name, value in lines if name == b"host"]
    if len(values) != 1:
        return not values and version == "1.0"
    if not is_valid_host(values[0]):
        return False
    if target.startswith(_ORIGIN_FORMS) or method == b"CONNECT":
        return True
    _, _, rest = target.partition(b"://")
    authority = rest.partition(b"/")[0].partition(b"?")[0]
    return _normal(authority) == _normal(values[0])


def _normal(authority: bytes) -> bytes:
    return authority.lower().removesuffix(_DEFAULT_PORT)
