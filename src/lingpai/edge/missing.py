"""The page for a browser at an address that nothing has; programs get the error in the shape of the path instead."""

import functools
from collections.abc import Mapping

from lingpai.core.errors import LingpaiError
from lingpai.core.templates import template
from lingpai.core.wire import Call, Reply
from lingpai.edge.reference import language, page_headers, style_of

STATUS = 404
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Not found",
        "lead": "There is nothing at this address.",
        "start": "Start page",
        "docs": "API reference",
    },
    "zh": {"title": "页面不存在", "lead": "此地址没有内容。", "start": "首页", "docs": "接口文档"},
}


def missing_page(_error: LingpaiError, call: Call) -> Reply:
    """The page in the reader's language."""
    return _page(language("", call.header("accept-language")))


@functools.cache
def _page(lang: str) -> Reply:
    style = style_of()
    html = template("lingpai.edge", "pages", "missing.html.j2").render(
        lang=lang, words=WORDS[lang], style=style
    )
    return Reply(html.encode(), STATUS, "text/html; charset=utf-8", page_headers(style))
