"""The start page: what a browser sees at `/`."""

import functools
from collections.abc import Mapping
from typing import Any

import msgspec

from lingpai import __version__
from lingpai.core.templates import template
from lingpai.core.wire import Call, Reply
from lingpai.edge.reference import language, page_headers, style_of

WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "switch": "中文",
        "lead": "Access tokens for open platforms: keeps the tokens that platforms issue to "
        "you, and issues tokens to third-party apps.",
        "look": "Look around",
        "try": "Try",
        "links": (
            ("/docs", "Every route, its parameters, answers and errors."),
            ("/openapi.json", "The same for machines: OpenAPI 3.1."),
            ("/health/ready", "Whether this node can serve, and why not."),
        ),
    },
    "zh": {
        "switch": "English",
        "lead": "开放平台的访问令牌服务：保管别人发给你的令牌，签发你给别人的令牌。",
        "look": "看看有什么",
        "try": "试一试",
        "links": (
            ("/docs", "全部接口：参数、返回与错误。"),
            ("/openapi.json", "供机器阅读的同一份文档：OpenAPI 3.1。"),
            ("/health/ready", "本节点能否提供服务；不能时说明原因。"),
        ),
    },
}
_CALLS = ("/AccessToken/getXcx?appid=…", "/AccessToken/getQyapi?corpid=…&secret=…", "/v1/tokens/wechat/…")


class StartPage(msgspec.Struct):
    """Parameters of the start page.

    Attributes:
        lang: `en` or `zh`; the browser's wish when absent.
    """

    lang: str = ""


def start_page(call: Call, wish: str, origin: str) -> Reply:
    """The start page in the reader's language.

    Args:
        call: the request.
        wish: a language asked for, may be empty.
        origin: address under which browsers reach us.
    """
    return _page(language(wish, call.header("accept-language")), origin)


@functools.cache
def _page(lang: str, origin: str) -> Reply:
    style = style_of()
    other = next(each for each in WORDS if each != lang)
    html = template("lingpai.edge", "pages", "start.html.j2").render(
        lang=lang,
        other=other,
        words=WORDS[lang],
        version=__version__,
        style=style,
        calls=_CALLS,
        origin=origin,
    )
    return Reply(html.encode(), 200, "text/html; charset=utf-8", page_headers(style))
