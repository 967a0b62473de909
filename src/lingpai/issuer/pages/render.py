"""From a template and words to a page with its headers (threats B21, B22)."""

from collections.abc import Mapping
from typing import Any

from lingpai.core.content_security import ICONS, OWN, content_policy
from lingpai.core.errors import LingpaiError
from lingpai.core.moments import local_moment
from lingpai.core.wire import NO_STORE, Reply
from lingpai.design.templates import template
from lingpai.issuer.authorizations import Pairs
from lingpai.issuer.pages.app_links import links_of
from lingpai.issuer.pages.site import Site
from lingpai.issuer.pages.words import CATALOGUES, TAGS
from lingpai.issuer.verbs.versions import VERSION

HTML = "text/html; charset=utf-8"
_MINUTE = 60
_PACKAGE = "lingpai.issuer.pages"


def page_headers(site: Site, *, scripts: bool = False, rules: Mapping[str, str] | None = None) -> Pairs:
    """Return the headers of a page.

    Args:
        site: the pages of the realm.
        scripts: whether it runs one of our scripts.
        rules: of its policy, where it differs; see `core.content_security.content_policy`.
    """
    policy = {"style-src": OWN, **ICONS, "form-action": OWN}
    if scripts:
        policy |= {"script-src": OWN, "connect-src": OWN}
    return (
        NO_STORE,
        ("content-security-policy", content_policy(policy | dict(rules or {}))),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        # A window that sends messages to its opener must keep the reference to it.
        ("cross-origin-opener-policy", "unsafe-none" if site.opener else "same-origin"),
    )


def render(site: Site, language: str, name: str, **context: Any) -> bytes:
    """Return a page as bytes; all values of the context are escaped."""
    other = "en" if language == "zh" else "zh"
    return (
        template(_PACKAGE, "templates", f"{name}.html.j2")
        .render(
            site=site,
            style=f"{site.prefix}/{site.brand.style_name}",
            logo=f"{site.prefix}/{site.brand.logo.name}" if site.brand.logo else "",
            platform=site.brand.title_in(language),
            links=site.brand.links_in(language),
            app_links=links_of(context.get("app")),
            words=CATALOGUES[language],
            tag=TAGS[language],
            other=other,
            other_tag=TAGS[other],
            **context,
        )
        .encode()
    )


def error_page(
    site: Site, error: LingpaiError, status: int, languages: tuple[str, ...], trace_id: str
) -> Reply:
    """Return the page for an error, in one language or, when the reader's is not known, in all."""
    minutes = None if error.retry_after is None else max(1, round(error.retry_after / _MINUTE))
    texts = [
        {
            "tag": TAGS[language],
            "words": CATALOGUES[language],
            "text": CATALOGUES[language]["errors"][error.kind.value],
        }
        for language in languages
    ]
    body = render(
        site,
        languages[0],
        "error",
        texts=texts,
        minutes=minutes,
        parameter=error.parameter,
        trace_id=trace_id,
        switch=None,
    )
    return Reply(body, status, HTML, page_headers(site))


def moment(site: Site, seconds: int) -> dict[str, str]:
    """Return a wall-clock time (unix seconds) for `<time>`: machine-readable, and as text in the site's time zone."""
    return local_moment(seconds, site.zone)


def permission_words(site: Site, language: str, names: tuple[str, ...]) -> list[str]:
    """Return descriptions of permissions and scopes in the reader's language, or the name where there is none.

    The operator's own words come before ours; versions of an app are for nobody to read.
    """
    names = tuple(name for name in names if not name.startswith(VERSION))
    own, known = site.brand.scopes, CATALOGUES[language]["permissions"]
    words = (own[name][language] if name in own else known.get(name, name) for name in names)
    return list(dict.fromkeys(words)) or [known["nothing"]]
