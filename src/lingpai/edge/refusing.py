"""Errors as replies: in the shape of the route, or as a page for browsers, whatever the shape does."""

from collections.abc import Callable
from typing import Any

from lingpai.core.errors import LingpaiError
from lingpai.core.languages import in_language_of
from lingpai.core.logs import structlog
from lingpai.core.wire import Call, Page, Reply, Shape, has_own_words
from lingpai.edge.writing import LAST_RESORT, Fixed, error_reply, fixed_of

log = structlog.get_logger("lingpai.edge")


class _Pages:
    """The shape of errors of one call of a browser."""

    def __init__(self, page: Page, call: Call, success: Callable[[Any, str], Reply]) -> None:
        self._page = page
        self._call = call
        self.success = success

    def error(self, error: LingpaiError, _trace_id: str) -> Reply:
        return self._page(error, self._call)


def shape_for(call: Call | None, shape: Shape, page: Page | None) -> Shape:
    """Return the shape for errors of a call: `shape`, or `page` for a browser that accepts pages."""
    if page is None or call is None or not call.accepts_html:
        return shape
    return _Pages(page, call, shape.success)


def refusal(
    shape: Shape, error: LingpaiError, trace_id: str, accept: bytes | None = None
) -> tuple[Reply, Fixed]:
    """The reply for `error` and its headers; a shape that fails must not take the answer down with it.

    Args:
        shape: of the route.
        error: what to say.
        trace_id: of the request.
        accept: its `Accept-Language`, which messages follow where the shape has words of its own.
    """
    try:
        if accept and has_own_words(shape):
            error = error.reworded(in_language_of(accept.decode("latin-1"), error.reason))
        reply = error_reply(shape, error, trace_id)
        return reply, fixed_of(reply)
    except Exception:
        log.exception("shape_failed", kind=error.kind.value, trace_id=trace_id)
        return LAST_RESORT, fixed_of(LAST_RESORT)
