"""The icon that browsers show beside a page's title, in the two formats that they ask for."""

import functools
import hashlib
from importlib.resources import files

import msgspec

from lingpai.core.etags import is_named
from lingpai.core.wire import Call, Reply, Route, Shape, Source

_DAY = "public, max-age=86400"
_TYPES = {"/favicon.ico": "image/x-icon", "/icon.svg": "image/svg+xml"}
PATHS = tuple(_TYPES)


class _NoParams(msgspec.Struct):
    """An icon without parameters."""


def icon_routes(shape: Shape, tag: str = "service") -> tuple[Route, ...]:
    """Return the routes of the icons, at the root of a site, where browsers ask for them.

    Args:
        shape: of their errors.
        tag: groups them in the reference.
    """

    def route(path: str) -> Route:
        async def show(_params: _NoParams, call: Call) -> Reply:
            return icon(path, call.if_none_match)

        return Route(("GET",), path, _NoParams, Source.QUERY, show, shape, "Icon of the pages", Reply, tag)

    return tuple(map(route, PATHS))


def icon(path: str, if_none_match: str | None = None) -> Reply:
    """Return the icon of a path; 304 without it when the caller has this one (RFC 9110 §13.1.2).

    Args:
        path: one of `PATHS`.
        if_none_match: the request's header, or None.
    """
    reply, etag = _icon(path)
    if is_named(etag, if_none_match):
        return Reply(b"", 304, reply.content_type, reply.headers)
    return reply


@functools.cache
def _icon(path: str) -> tuple[Reply, str]:
    content = (files(__package__) / "images" / path.removeprefix("/")).read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return Reply(content, 200, _TYPES[path], (("cache-control", _DAY), ("etag", etag))), etag
