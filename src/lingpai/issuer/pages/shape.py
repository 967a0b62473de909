"""The wire format of the pages' errors: a page with the HTTP status of the error."""

from typing import Any

from typing_extensions import override

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Reply, Shape
from lingpai.issuer.pages.render import error_page
from lingpai.issuer.pages.site import Site
from lingpai.issuer.pages.words import CATALOGUES


class RenderedError(LingpaiError):
    """An error whose page was rendered already, such as a form with a message."""

    __slots__ = ("reply",)

    def __init__(self, error: LingpaiError, reply: Reply) -> None:
        super().__init__(error.kind, error.reason, **error.details)
        self.reply = reply


class PageShape(Shape):
    """Pages for errors; in every language where the request could not be read."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def success(self, value: Any, trace_id: str) -> Reply:
        """Raise: the verbs themselves make pages, so this is never called."""
        raise TypeError(f"{type(value).__name__} of {trace_id} is not a page")

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        if isinstance(error, RenderedError):
            return error.reply
        return error_page(self._site, error, error.kind.status, tuple(CATALOGUES), trace_id)
