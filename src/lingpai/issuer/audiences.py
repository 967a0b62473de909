"""The resource server of a token (RFC 8707), encoded in its handle without a row of its own.

A grant keeps the URIs of up to `MOST_TARGETS` resource servers. The handle of an access token of such a grant has, in
the lowest bits of its generation, the place of its resource server among them.
"""

from typing import Final

from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import Grant

_BITS: Final = 3
MOST_TARGETS: Final = 1 << _BITS
"""Resource servers of one grant, at most."""
AIMED: Final = frozenset({HandleKind.ACCESS, HandleKind.APP_TOKEN})
"""Kinds of handles that are for one resource server, when their grant has any."""


def uris_of(grant: Grant) -> tuple[str, ...]:
    """The resource servers of a grant."""
    return tuple(grant.audience.split())


def aimed_generation(generation: int, place: int) -> int:
    """The generation of a token for the resource server at this place."""
    return generation << _BITS | place


def plain_generation(generation: int) -> int:
    """The generation of the grant that a token for a resource server was made in."""
    return generation >> _BITS


def uri_of_handle(grant: Grant, handle: Handle) -> str:
    """The resource server that a token of this grant is for; "" when its grant has none."""
    if not grant.audience:
        return ""
    uris, place = uris_of(grant), handle.generation % MOST_TARGETS
    return uris[place] if place < len(uris) else ""
