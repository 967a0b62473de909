"""The start page: what a browser sees at `/`; in development with the ids, keys and logins of the running service."""

import functools
import ipaddress
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from lingpai import __version__
from lingpai.core.hosts import host_name
from lingpai.core.wire import Call, Reply
from lingpai.design.pages import self_contained_page
from lingpai.design.words import COMMON, OTHER
from lingpai.edge.reference import language

WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        **COMMON["en"],
        "reference": "API reference",
        "hero": "One token service for open platforms",
        "lead": "Lingpai keeps the tokens that WeChat, mini programs and WeCom issue to you, and issues tokens to "
        "the third-party apps that call you.",
        "look": "Look around",
        "try": "Try it",
        "running": "Running here",
        "values": "Sample accounts, apps and users",
        "warning": "Development service: this part is shown to browsers on this machine only.",
        "links": (
            ("/docs", "API reference", "Every call, its parameters, sample answers and errors."),
            ("/openapi.json", "OpenAPI 3.1", "The same reference for machines."),
            ("/health/ready", "Health", "Whether this node can serve, and why not."),
        ),
    },
    "zh": {
        **COMMON["zh"],
        "reference": "接口文档",
        "hero": "开放平台的统一令牌服务",
        "lead": "统一保管微信公众号、小程序和企业微信发给你的令牌，并向接入你平台的第三方应用签发令牌。",
        "look": "从这里开始",
        "try": "试一试",
        "running": "正在运行",
        "values": "示例账号、应用和用户",
        "warning": "开发环境：以下内容仅对本机的浏览器显示。",
        "links": (
            ("/docs", "接口文档", "全部接口：参数、返回示例与错误。"),
            ("/openapi.json", "OpenAPI 3.1", "供机器阅读的同一份文档。"),
            ("/health/ready", "健康检查", "本节点能否提供服务；不能时说明原因。"),
        ),
    },
}
_CALLS = ("/AccessToken/getXcx?appid=…", "/AccessToken/getQyapi?corpid=…&secret=…", "/v1/tokens/wechat/…")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")

Text = Mapping[str, str]
"""A text by language."""


class Link(NamedTuple):
    """An address of the development service."""

    url: str
    name: Text
    about: Text


class Command(NamedTuple):
    """A command that works when pasted into a shell."""

    about: Text
    text: str


class Values(NamedTuple):
    """Named values of one account, app or user."""

    of: Text
    pairs: tuple[tuple[str, str], ...]


class Development(NamedTuple):
    """Data of a development service for the start page; its only secrets are those of the samples.

    Attributes:
        links: to what runs beside it.
        commands: to try.
        values: of the samples.
    """

    links: tuple[Link, ...]
    commands: tuple[Command, ...]
    values: tuple[Values, ...]


class StartPage(msgspec.Struct):
    """Parameters of the start page.

    Attributes:
        lang: `en` or `zh`; the browser's wish when absent.
    """

    lang: str = ""


def start_page(call: Call, wish: str, origin: str, development: Development | None = None) -> Reply:
    """The start page in the reader's language.

    Args:
        call: the request.
        wish: a language asked for, may be empty.
        origin: address under which browsers reach us.
        development: what to show besides to browsers on this machine; None in production.
    """
    lang = language(wish, call.header("accept-language"))
    if development is not None and is_local(call):
        return _page(lang, origin, development)
    return _production_page(lang, origin)


def is_local(call: Call) -> bool:
    """Return whether a request comes from this machine and was meant for it.

    Not what a proxy on this machine passes on, nor what a web page asks for by a name of its own (DNS rebinding).
    """
    name = host_name(call.header("host") or "")
    own = name == "localhost" or _is_loopback(name.strip("[]"))
    return own and _is_loopback(call.peer) and not any(map(call.header, _FORWARDED))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@functools.cache
def _production_page(lang: str, origin: str) -> Reply:
    return _page(lang, origin, None)


def _page(lang: str, origin: str, development: Development | None) -> Reply:
    commands = [("", f"curl '{origin}{path}'") for path in _CALLS]
    if development is not None:
        commands = [(each.about[lang], each.text) for each in development.commands]
    return self_contained_page(
        "lingpai.edge",
        "start",
        lang,
        scripts=True,
        stored="no-cache" if development is None else "no-store",
        other=OTHER[lang],
        words=WORDS[lang],
        version=__version__,
        commands=commands,
        development=development,
    )
