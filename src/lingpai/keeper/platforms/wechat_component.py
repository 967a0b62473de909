"""WeChat's open platform, third-party platforms (开放平台第三方平台): one acts for the accounts that authorised it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lingpai.keeper.platforms import remedies, wechat
from lingpai.keeper.platforms.forms import member, text_member
from lingpai.keeper.platforms.platform import (
    CALLER,
    DEAD_TOKEN,
    PERMANENT,
    TRANSIENT,
    UNTIL_MIDNIGHT,
    Fault,
    Limit,
    Period,
    Platform,
    Repeat,
    Request,
    Severity,
    TokenCall,
)
from lingpai.keeper.platforms.platform_type import PlatformType, Text
from lingpai.keeper.platforms.settings import PlatformSettings, PlatformUrl
from lingpai.keeper.platforms.third_party import AskedCall, Grant, Listed, PushedTicket, ThirdParty, Visit

PAGES_URL = "https://mp.weixin.qq.com"
HALF_DAY = 43_200.0
HALF_HOUR = 1_800.0
RENEW_LEFT = 600.0
"""Seconds; the platform's advice is to renew after an hour and fifty minutes of two."""

_LATEST = 2**53
"""Unix time in seconds beyond which no time is one."""

TOKEN = Limit("component_token", 1_000, Period.DAY)
TICKET = "verify_ticket"
LISTED = 500
"""Merchants that are listed at a time, the most that the platform allows."""

FAULTS = {
    -1: TRANSIENT,
    40001: DEAD_TOKEN,
    40014: DEAD_TOKEN,
    42001: DEAD_TOKEN,
    40013: PERMANENT,
    40125: PERMANENT,
    45009: Fault(Severity.PERMANENT, UNTIL_MIDNIGHT),
    48001: PERMANENT,
    61003: PERMANENT,
    61004: PERMANENT,
    61005: Fault(Severity.TRANSIENT, 60),
    61006: Fault(Severity.TRANSIENT, 60),
    61009: CALLER,
    61010: CALLER,
    61011: PERMANENT,
    61023: PERMANENT,
}


def _unasked(account: str, secret: str) -> Request:
    return {"component_appid": account, "component_appsecret": secret}


def _token(account: str, secret: str, taken: Mapping[str, str]) -> Request:
    return {**_unasked(account, secret), "component_verify_ticket": taken[TICKET]}


def _alone(account: str, _argument: Any) -> Request:
    return {"component_appid": account}


def _code(account: str, code: str) -> Request:
    return {"component_appid": account, "authorization_code": code}


def _merchant(account: str, merchant: tuple[str, str]) -> Request:
    return {"component_appid": account, "authorizer_appid": merchant[0]}


def _from(account: str, offset: int) -> Request:
    return {"component_appid": account, "offset": offset, "count": LISTED}


def _restart(account: str, secret: str) -> Request:
    return {"component_appid": account, "component_secret": secret}


def _grant(answer: Mapping[str, Any]) -> Grant:
    """Return what is said of a merchant, whether its code was exchanged or it was asked about."""
    about = member(answer, "authorization_info")
    given: Mapping[str, Any] = about if isinstance(about, dict) else {}
    scopes = given.get("func_info")
    ids = (member(each, "funcscope_category.id") for each in (scopes if isinstance(scopes, list) else ()))
    return Grant(
        account=text_member(given, "authorizer_appid"),
        token=text_member(given, "authorizer_access_token"),
        lifetime=given.get("expires_in"),
        refresh_token=text_member(given, "authorizer_refresh_token"),
        rights=tuple(each for each in ids if isinstance(each, int)),
        name=text_member(answer, "authorizer_info.nick_name"),
    )


def _listed(answer: Mapping[str, Any]) -> tuple[int, list[Listed]]:
    total, found = answer.get("total_count"), answer.get("list")
    entries = [each for each in (found if isinstance(found, list) else ()) if isinstance(each, dict)]
    listed = [
        Listed(
            text_member(each, "authorizer_appid"),
            text_member(each, "refresh_token"),
            float(min(each["auth_time"], _LATEST)) if isinstance(each.get("auth_time"), int | float) else 0.0,
        )
        for each in entries
    ]
    return total if isinstance(total, int) else len(listed), listed


def _pages(base: str, visit: Visit) -> tuple[str, str]:
    wanted = {
        "component_appid": visit.account,
        "pre_auth_code": visit.pre_auth_code,
        "redirect_uri": f"{visit.back}?{urlencode({'state': visit.state})}",
        "auth_type": visit.auth_type or "3",
    }
    if visit.biz_appid:
        wanted["biz_appid"] = visit.biz_appid
    phone = urlencode({"action": "bindcomponent", "no_scan": "1", **wanted})
    return (
        f"{base}/cgi-bin/componentloginpage?{urlencode(wanted)}",
        f"{base}/safe/bindcomponent?{phone}#wechat_redirect",
    )


THIRD_PARTY = ThirdParty(
    merchants="wechat",
    label=lambda _account: "",
    parameter="component_access_token",
    ticket=PushedTicket(
        kind=TICKET,
        event="component_verify_ticket",
        field="ComponentVerifyTicket",
        life=HALF_DAY,
        late=HALF_HOUR,
        spent=frozenset({61005, 61006}),
    ),
    event="InfoType",
    time="CreateTime",
    granted={"authorized": "AuthorizationCode", "updateauthorized": "AuthorizationCode"},
    changed={},
    ended={"unauthorized": "AuthorizerAppid"},
    pre_auth=AskedCall(path="/cgi-bin/component/api_create_preauthcode", request=_alone),
    exchange=AskedCall(path="/cgi-bin/component/api_query_auth", request=_code),
    grant_of=_grant,
    info=AskedCall(path="/cgi-bin/component/api_get_authorizer_info", request=_merchant),
    info_of=_grant,
    listing=AskedCall(path="/cgi-bin/component/api_get_authorizer_list", request=_from),
    listed_of=_listed,
    restart=AskedCall(path="/cgi-bin/component/api_start_push_ticket", request=_restart),
    pages=_pages,
    refused=frozenset({61009, 61010, 40029, 40163}),
)


def wechat_component(base_url: str = wechat.BASE_URL, pages_url: str = PAGES_URL) -> Platform:
    """Return the platform.

    Args:
        base_url: of its calls; another host for a proxy or the sandbox.
        pages_url: of the pages on which merchants authorise.
    """
    return Platform(
        name="wechat_component",
        base_url=base_url,
        account_form=r"wx[0-9a-f]{16}",
        modes={
            "": TokenCall(
                method="POST",
                path="/cgi-bin/component/api_component_token",
                request=_unasked,
                after=_token,
                pushed=TICKET,
                repeat=Repeat.KILLS_OLD,
                renew_left=RENEW_LEFT,
                value="component_access_token",
                limits=(TOKEN,),
            )
        },
        tickets={},
        exchanges={},
        sign_kinds={},
        probe=None,
        faults=FAULTS,
        one_secret=True,
        addresses={"pages": pages_url},
        third_party=THIRD_PARTY,
    )


_TICKET_REMEDY = Text(
    "The platform pushes the ticket every 10 minutes to the authorization event URL: check in the open platform's "
    "console that it is this service's /callback/wechat_component/<appid>, and that token and key are the same.",
    "平台每 10 分钟向“授权事件接收 URL”推送 ticket：请在开放平台后台确认该地址是本服务的 "
    "/callback/wechat_component/<appid>，且 Token 与 EncodingAESKey 一致。",
)
_REMEDIES = {
    -1: remedies.BUSY,
    40001: remedies.WRONG_SECRET,
    40125: remedies.WRONG_SECRET,
    40013: remedies.UNKNOWN_ACCOUNT,
    45009: remedies.QUOTA,
    61003: Text(
        "The merchant has withdrawn the authorization. Let the merchant authorise again.",
        "商户已取消授权，请让商户重新授权。",
    ),
    61004: Text(
        "The platform does not accept calls from the address {address}. Add it to the third-party platform's IP allow "
        "list in the open platform's console.",
        "平台不接受来自 IP {address} 的调用。请在开放平台后台把它加入第三方平台的 IP 白名单。",
    ),
    61005: _TICKET_REMEDY,
    61006: _TICKET_REMEDY,
    61023: Text(
        "The refresh token is not valid, and could not be read back. Let the merchant authorise again.",
        "刷新令牌无效且无法取回，请让商户重新授权。",
    ),
}


class WechatComponentSettings(PlatformSettings):
    """WeChat's third-party platforms, and the merchants' accounts that authorised one."""

    base_url: PlatformUrl = wechat.BASE_URL
    """Where the calls go: another host for a proxy, or the sandbox."""

    pages_url: PlatformUrl = PAGES_URL
    """Where the pages are on which merchants authorise: another host for the sandbox."""


WECHAT_COMPONENT = PlatformType(
    name="wechat_component",
    account_word="component_appid",
    settings=WechatComponentSettings,
    describe=lambda settings: wechat_component(settings.base_url, settings.pages_url),
    remedies=_REMEDIES,
    sandboxed=True,
)
