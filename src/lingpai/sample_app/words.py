"""The words of the sample's pages."""

import re
from collections.abc import Mapping
from typing import Any, Final

from lingpai.core.languages import Catalogue
from lingpai.design.words import COMMON

WORDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "en": {
        **COMMON["en"],
        "title": "Sample app",
        "lead": "A third party's app. It uses the service by its public interfaces alone, and shows each request and "
        "answer.",
        "users": "Users to log in with",
        "login": "login",
        "password": "password",
        "try": "Sign in by each protocol",
        "members": "Users log in at the platform's own site.",
        "wechat_component": {
            "about": "A merchant authorises a third-party platform, and its account is used.",
            "authorise": "Authorise a merchant's account",
            "authorised": "The merchant has authorised",
            "again": "Authorise another",
        },
        "wecom_suite": {
            "about": "A WeCom corp installs a third-party app, and its account is used.",
            "authorise": "Install the app in a corp",
            "authorised": "The corp has authorised",
            "again": "Install it in another",
        },
        "used": "A call with its token, forwarded by Lingpai",
        "open": "Open",
        "access": "What you have allowed",
        "steps": "Each request and answer",
        "refresh": "Refresh the tokens",
        "leave": "Log out",
        "server": "MCP server",
        "of_server": "Give this address to an MCP client. It finds the issuer by itself.",
        "start": "Start",
        "service": "Service",
        "failed": "That did not work",
        "reasons": Catalogue({}),
    },
    "zh": {
        **COMMON["zh"],
        "title": "示例应用",
        "lead": "一个第三方应用，只通过公开接口使用本服务，并显示每一步的请求和响应。",
        "users": "可用于登录的用户",
        "login": "账号",
        "password": "密码",
        "try": "用每种协议登录",
        "members": "用户在平台自己的网站登录。",
        "wechat_component": {
            "about": "商户授权第三方平台，然后使用商户的账号。",
            "authorise": "授权商户的账号",
            "authorised": "商户已授权",
            "again": "授权另一个商户",
        },
        "wecom_suite": {
            "about": "企业安装第三方应用，然后使用企业的账号。",
            "authorise": "为企业安装应用",
            "authorised": "企业已授权",
            "again": "为另一个企业安装",
        },
        "used": "由 Lingpai 转发、带商户令牌的调用",
        "open": "打开",
        "access": "我的授权",
        "steps": "每一步的请求和响应",
        "refresh": "刷新令牌",
        "leave": "退出登录",
        "server": "MCP 服务器",
        "of_server": "把此地址交给 MCP 客户端，它会自行找到授权服务。",
        "start": "首页",
        "service": "服务",
        "failed": "操作未成功",
        "reasons": Catalogue(
            {
                "There is no such sample.": "没有这个示例。",
                "This answer does not belong to a request of this browser.": "这个结果不属于本浏览器发起的请求。",
                "This is no request of the realm of this site.": "这不是本网站的租户发来的请求。",
                "Nothing to refresh yet.": "还没有可刷新的令牌。",
                "There is no logout here.": "这里没有退出登录。",
                "Start at the start page.": "请从首页开始。",
            }
        ),
    },
}
"""By language; `reasons` translates errors."""

_BOTH: Final = re.compile(r"(?P<zh>\S*[\u4e00-\u9fff].*?) (?P<en>[A-Z][a-z].*)")


def in_language(lang: str, text: str) -> str:
    """Return a text in one language.

    Args:
        lang: `en` or `zh`.
        text: the reason of an error, or a step's title, in Chinese and then in English.
    """
    both = _BOTH.fullmatch(text)
    return str(both[lang]) if both else WORDS[lang]["reasons"].translate(text)
