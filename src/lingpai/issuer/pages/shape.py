"""The wire format of the pages' errors: a page with the HTTP status of the error."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply
from lingpai.issuer.pages.render import error_page
from lingpai.issuer.pages.site import Site
from lingpai.issuer.pages.words import CATALOGUES

STATUS: Mapping[Kind, int] = {
    **dict.fromkeys(Kind, HTTPStatus.BAD_REQUEST),
    Kind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Kind.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Kind.REQUEST_TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
    Kind.BODY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Kind.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.LOGIN_FAILED: HTTPStatus.FORBIDDEN,
    Kind.FORGED_FORM: HTTPStatus.FORBIDDEN,
    Kind.NO_PERMISSION: HTTPStatus.FORBIDDEN,
    Kind.APP_NOT_LISTED: HTTPStatus.FORBIDDEN,
    Kind.ADDRESS_NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    Kind.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.STORE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}


class RenderedError(LingpaiError):
    """An error whose page was rendered already, such as a form with a message."""

    __slots__ = ("reply",)

    def __init__(self, error: LingpaiError, reply: Reply) -> None:
        super().__init__(error.kind, error.reason, **error.details)
        self.reply = reply


class PageShape:
    """Pages for errors; in every language where the request could not be read."""

    codes = STATUS

    def __init__(self, site: Site) -> None:
        self._site = site

    def success(self, value: Any, trace_id: str) -> Reply:
        """Raise: the verbs themselves make pages, so this is never called."""
        raise TypeError(f"{type(value).__name__} of {trace_id} is not a page")

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        """See `Shape.error`."""
        if isinstance(error, RenderedError):
            return error.reply
        return error_page(self._site, error, int(STATUS[error.kind]), tuple(CATALOGUES), trace_id)
