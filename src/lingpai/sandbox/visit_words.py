"""The words of the page on which merchants authorise."""

from collections.abc import Mapping
from typing import Any, Final

from lingpai.design.words import COMMON

WORDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "en": {
        **COMMON["en"],
        "wechat": {
            "title": "Authorise a third-party platform",
            "lead": "The sandbox in place of WeChat: choose the account that the third-party platform may act for.",
        },
        "wecom": {
            "title": "Install a third-party app",
            "lead": "The sandbox in place of WeCom: choose the corp whose administrator you are.",
        },
        "confirm": "Authorise",
        "app": "Official account",
        "mini": "Mini program",
        "corp": "Corp",
        "problem": "The platform refuses this visit",
        "problems": {
            "third": "There is no third-party platform of this {parameter}.",
            "code": "The pre_auth_code is none of this third-party platform.",
            "over": "The pre_auth_code was used or has ended: open the entry page again.",
            "redirect": "The redirect_uri is no web address.",
            "referer": "The entry page and the redirect_uri are not of the same domain.",
            "account": "This account cannot be chosen here.",
        },
    },
    "zh": {
        **COMMON["zh"],
        "wechat": {
            "title": "授权第三方平台",
            "lead": "这里由沙箱代替微信：请选择要授权给第三方平台的账号。",
        },
        "wecom": {
            "title": "安装第三方应用",
            "lead": "这里由沙箱代替企业微信：请选择你管理的企业。",
        },
        "confirm": "授权",
        "app": "公众号",
        "mini": "小程序",
        "corp": "企业",
        "problem": "平台拒绝了这次访问",
        "problems": {
            "third": "没有这个 {parameter} 的第三方平台。",
            "code": "pre_auth_code 不属于该第三方平台。",
            "over": "pre_auth_code 已使用或已过期：请重新打开授权入口页。",
            "redirect": "redirect_uri 不是网址。",
            "referer": "授权入口页与 redirect_uri 的域名不一致。",
            "account": "这里不能选择该账号。",
        },
    },
}
