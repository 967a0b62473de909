"""Pages with everything in them: one request, no other file but the icon."""

from collections.abc import Sequence
from typing import Any

from lingpai.core.wire import Reply
from lingpai.design.sheets import policy, script, style
from lingpai.design.templates import template

HTML = "text/html; charset=utf-8"
TAGS = {"en": "en", "zh": "zh-Hans"}
"""The values of `<html lang>` by language (BCP 47)."""


def self_contained_page(
    package: str,
    name: str,
    lang: str,
    *,
    styles: Sequence[str] = ("pages",),
    scripts: bool = False,
    leads_away: bool = False,
    status: int = 200,
    stored: str = "no-cache",
    **context: Any,
) -> Reply:
    """Return a page of a package's folder `pages`, whose template extends `design/page.html.j2`.

    Args:
        package: dotted name of the package.
        name: of the template, without its endings.
        lang: `en` or `zh`.
        styles: see `sheets.style`.
        scripts: whether it has commands to copy or entries to filter.
        leads_away: whether it has a form whose answer leads to another site.
        status: of the answer.
        stored: the value of `Cache-Control`.
        context: what the template shows; all of it is escaped.
    """
    sheet, code = style(*styles), script() if scripts else ""
    html = template(package, "pages", f"{name}.html.j2").render(
        lang=lang, tag=TAGS[lang], sheet=sheet, script=code, **context
    )
    headers = (
        ("content-security-policy", policy(sheet, code, leads_away=leads_away)),
        ("cache-control", stored),
        ("vary", "accept-language"),
    )
    return Reply(html.encode(), status, HTML, headers)
