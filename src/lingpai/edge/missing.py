"""The page for a browser at an address that nothing has; programs get the error in the shape of the path instead."""

import functools
from collections.abc import Mapping

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Call, Reply
from lingpai.design.pages import self_contained_page
from lingpai.design.words import COMMON
from lingpai.edge.reference import language

STATUS = 404
WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        **COMMON["en"],
        "title": "Not found",
        "lead": "There is nothing at this address.",
        "/": "Start page",
        "/docs": "API reference",
    },
    "zh": {
        **COMMON["zh"],
        "title": "页面不存在",
        "lead": "此地址没有内容。",
        "/": "首页",
        "/docs": "接口文档",
    },
}


def missing_page(_error: LingpaiError, call: Call) -> Reply:
    """The page of the service, in the reader's language."""
    return page_of("Lingpai 令牌", ("/", "/docs"), call.header("accept-language"))


def page_of(brand: str, paths: tuple[str, ...], accept: str | None) -> Reply:
    """Return the page.

    Args:
        brand: the site's name.
        paths: where to go on to.
        accept: the `Accept-Language` header, or None.
    """
    return _page(brand, paths, language("", accept))


@functools.cache
def _page(brand: str, paths: tuple[str, ...], lang: str) -> Reply:
    words = WORDS[lang]
    links = [(path, words[path]) for path in paths]
    return self_contained_page(
        "lingpai.edge", "missing", lang, status=STATUS, words=words, brand=brand, links=links
    )
