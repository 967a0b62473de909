"""The platforms' error codes with their wording; the same number may mean different things on the two."""

import secrets
from typing import Any, Final, Literal

import msgspec

Platform = Literal["wechat", "wecom"]

_WECHAT: Final = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest, could get access_token by "
    "getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40007: "invalid media_id",
    40013: "invalid appid",
    40029: "invalid code",
    40030: "invalid refresh_token",
    40066: "invalid url",
    40097: "invalid args",
    40125: "invalid appsecret",
    40163: "code been used",
    40226: "code blocked",
    40243: "AppSecret has been frozen",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41009: "missing openid",
    42001: "access_token expired",
    42002: "refresh_token expired",
    42003: "code expired",
    42007: "user changed password, access_token and refresh_token are invalid, please reauthorize",
    43001: "require GET method",
    43002: "require POST method",
    44002: "empty post data",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    48001: "api unauthorized",
    48006: "forbid to clear quota because of reaching the limit",
    50002: "user limited",
    50007: "account frozen",
    61003: "component is not authorized by this account",
    61004: "access clientip is not registered",
    61005: "component ticket is expired",
    61006: "component ticket is invalid",
    61009: "code is invalid",
    61010: "code is expired",
    61011: "invalid component",
    61023: "refresh_token is invalid",
    61024: "this api can only be called by component token",
    76021: "cgi_path not found, please check",
    89501: "ip is waiting for the confirmation of the administrator",
    89503: "this ip needs the confirmation of the administrator, please contact the administrator",
    89506: "ip refused twice by the administrator within 24 hours",
    89507: "ip refused by the administrator within 1 hour",
}
_WECOM: Final = {
    -1: "system busy",
    40001: "invalid credential",
    40004: "invalid media type",
    40007: "invalid media_id",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40029: "invalid code",
    40056: "invalid agentid",
    40077: "invalid pre_auth_code",
    40078: "invalid auth_code",
    40080: "invalid suite_secret",
    40082: "invalid suite_access_token",
    40083: "invalid suite_id",
    40084: "invalid permanent_code",
    40085: "invalid suite_ticket",
    40066: "invalid url",
    40091: "secret is invalid, it belongs to another corp",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41008: "code missing",
    41011: "agentid missing",
    41021: "suite_id missing",
    41022: "suite_access_token missing",
    41023: "suite_ticket missing",
    41024: "suite_secret missing",
    41025: "permanent_code missing",
    42001: "access_token expired",
    42007: "pre_auth_code expired",
    42009: "suite_access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    45002: "content size out of limit",
    45009: "api freq out of limit",
    45033: "api concurrent out of limit",
    47001: "data format error",
    48002: "api forbidden",
    60020: "not allow to access from your ip",
    60003: "department not found",
    60111: "userid not found",
    301002: "not allow operate another agent with this accesstoken",
}
_TEXTS: Final[dict[Platform, dict[int, str]]] = {"wechat": _WECHAT, "wecom": _WECOM}


class Refusal(Exception):
    """The platform answers with an error.

    Args:
        errcode: the platform's number.
        errmsg: its text, when it is not the usual one of that number.
    """

    def __init__(self, errcode: int, errmsg: str = "") -> None:
        super().__init__(errcode, errmsg)
        self.errcode = errcode
        self.errmsg = errmsg


class Envelope(msgspec.Struct):
    """An error as it goes over the wire."""

    errcode: int
    errmsg: str


def _rid(now: float) -> str:
    return f"{int(now):x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


def refuse(platform: Platform, refusal: Refusal, now: float, address: str) -> dict[str, Any]:
    """The answer of ``platform`` for a refusal.

    Args:
        platform: whose wording.
        refusal: what is refused.
        now: unix time in seconds, part of the request's id.
        address: where the call came from; WeCom repeats it.

    Returns:
        ``errcode`` and ``errmsg``, with the ``rid`` or the hint that the platform appends for its support.
    """
    text = refusal.errmsg or _TEXTS[platform].get(refusal.errcode, "refused")
    if platform == "wechat":
        text = f"{text} rid: {_rid(now)}"
    else:
        hint = f"{int(now)}{secrets.randbelow(10**9):09d}"
        text = (
            f"{text}, hint: [{hint}], from ip: {address}, "
            f"more info at https://open.work.weixin.qq.com/devtool/query?e={refusal.errcode}"
        )
    return msgspec.to_builtins(Envelope(refusal.errcode, text))  # type: ignore[no-any-return]  # a Struct gives a dict
