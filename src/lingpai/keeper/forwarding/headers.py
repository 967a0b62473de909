"""Headers of a forwarded call that go out to the platform, and headers that come back from it."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.forwarding.hiding import hidden

Lines = Sequence[tuple[bytes, bytes]]

_OUT: Final = frozenset({b"content-type", b"content-disposition", b"range"})
_OUT_FAMILIES: Final = (b"accept", b"if-")
# The client of this service decodes answers itself, to look for the numbers of dead tokens.
_NOT_OUT: Final = b"accept-encoding"
_BACK: Final = frozenset({b"content-disposition", b"content-range", b"etag", b"last-modified", b"location"})
IDENTITY: Final = b"identity"
BYTES: Final = "application/octet-stream"
_breaks: Final = re.compile(rb"[\r\n\0]").search


def outgoing(lines: Lines) -> list[tuple[str, str]]:
    """Return the headers of a request that the platform gets; never cookies, credentials, hosts, or those of proxies.

    Raises:
        LingpaiError: UNSUPPORTED_MEDIA_TYPE for a compressed body, whose header would not go with it.
    """
    kept = []
    for name, value in lines:
        if name == b"content-encoding" and value.strip().lower() not in {b"", IDENTITY}:
            raise LingpaiError(Kind.UNSUPPORTED_MEDIA_TYPE, "Compressed bodies are not forwarded.")
        if name != _NOT_OUT and (name in _OUT or name.startswith(_OUT_FAMILIES)):
            kept.append((name.decode("ascii"), value.decode("utf-8", "replace")))
    return [*kept, ("accept-encoding", "identity")]


def incoming(raw: Iterable[tuple[bytes, bytes]], real: str, shown: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers of an answer that the caller gets, but for type and length.

    Args:
        raw: as the platform sent them, names in lower case.
        real: the platform's token, which may be in a redirect.
        shown: the text that the caller sees instead of it.
    """
    return tuple(
        (name, hidden(value, real, shown)) for name, value in raw if name in _BACK and not _breaks(value)
    )


def content_type_of(given: str | None) -> str:
    """Return the media type of an answer as it can be sent on."""
    return given if given and given.isascii() and given.isprintable() else BYTES
