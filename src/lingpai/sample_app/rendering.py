"""The sample's pages, and its errors for programs."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from typing_extensions import override

from lingpai.core.content_security import ICONS, OWN, content_policy
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import JSON, NO_STORE, Call, Reply, Shape
from lingpai.design.pages import HTML, TAGS
from lingpai.design.templates import template
from lingpai.design.words import OTHER
from lingpai.edge.reference import language
from lingpai.sample_app.words import WORDS, in_language

_PACKAGE = "lingpai.sample_app"


class PlainShape(Shape):
    """Errors of the sample itself, as a line of text."""

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id
        return Reply(msgspec.json.encode(value), 200, JSON)

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        status = 404 if error.kind is Kind.NOT_FOUND else 400
        return Reply(f"{error.reason} ({trace_id})\n".encode(), status, "text/plain; charset=utf-8")


PLAIN = PlainShape()


def page_headers(rules: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the headers of a page.

    Args:
        rules: of its policy, besides those for the style sheet and the icon, as `content_policy` takes them.
    """
    policy = content_policy({"style-src": OWN, **ICONS, **rules})
    return (NO_STORE, ("content-security-policy", policy))


class Pages:
    """Renders the pages.

    Args:
        issuer: base URL of the issuer, whose scripts a page may run and whose endpoints it may call.
    """

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def page(self, name: str, wish: str, call: Call, *, status: int = 200, **context: Any) -> Reply:
        """Return a page; what the template shows is escaped.

        Args:
            name: of the template.
            wish: the language of the switch, or "".
            call: of the browser.
            status: of the answer.
            context: what the template shows.
        """
        lang = language(wish, call.header("accept-language"))
        body = template(_PACKAGE, "templates", f"{name}.html.j2").render(
            issuer=self._issuer,
            lang=lang,
            tag=TAGS[lang],
            other=OTHER[lang],
            words=WORDS[lang],
            say=partial(in_language, lang),
            script="",
            **context,
        )
        own = f"{OWN} {self._issuer}"
        headers = page_headers({"script-src": own, "connect-src": own, "form-action": OWN})
        # A window that the JS bridge opens sends messages to its opener.
        return Reply(body.encode(), status, HTML, (*headers, ("cross-origin-opener-policy", "unsafe-none")))

    def error_page(self, error: LingpaiError, call: Call) -> Reply:
        """Return the page for an error."""
        status = PLAIN.error(error, call.trace_id).status
        return self.page("failed", "", call, status=status, reason=error.reason)


def see_other(path: str, *headers: tuple[str, str]) -> Reply:
    """Return a redirect to another page."""
    return Reply(b"", 303, HTML, (NO_STORE, ("location", path), *headers))


def nothing() -> LingpaiError:
    """Return the error for a page that there is not."""
    return LingpaiError(Kind.NOT_FOUND, "There is no such sample.")
