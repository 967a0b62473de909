"""WeCom's third-party apps (企业微信第三方应用, a suite): one acts for the corps that authorised it.

The platform has no call that lists these corps: what reaches a corp is its permanent code alone, which is the secret
of the corp's account here.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from lingpai.keeper.platforms import remedies, wecom
from lingpai.keeper.platforms.forms import member, text_member
from lingpai.keeper.platforms.platform import (
    CALLER,
    DEAD_TOKEN,
    PERMANENT,
    TRANSIENT,
    ExchangeCall,
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
from lingpai.keeper.platforms.third_party import AskedCall, Grant, PushedTicket, ThirdParty, Visit

PAGES_URL = "https://open.work.weixin.qq.com"
HALF_HOUR = 1_800.0
LATE = 720.0
"""Seconds after which a ticket is late: one comes every 10 minutes."""
TOKEN = Limit("suite_token", 500, Period.HOUR)  # no figure is published
PARAMETER = "suite_access_token"
TICKET = "suite_ticket"
FORMAL, TRIAL = "0", "1"
"""Kinds of authorizations: of an app that is published, and of one that is tested."""

FAULTS = {
    -1: TRANSIENT,
    40001: PERMANENT,
    40013: PERMANENT,
    40029: CALLER,
    40077: CALLER,
    40078: CALLER,
    40080: PERMANENT,
    40082: DEAD_TOKEN,
    40083: PERMANENT,
    40084: PERMANENT,
    40085: Fault(Severity.TRANSIENT, 60),
    42003: CALLER,
    42007: CALLER,
    42009: DEAD_TOKEN,
    45009: Fault(Severity.PERMANENT, 3_600),
    45033: Fault(Severity.TRANSIENT, 5),
    48002: PERMANENT,
    60020: PERMANENT,
}


def _unasked(account: str, secret: str) -> Request:
    return {"suite_id": account, "suite_secret": secret}


def _token(account: str, secret: str, taken: Mapping[str, str]) -> Request:
    return {**_unasked(account, secret), "suite_ticket": taken[TICKET]}


def _nothing(_account: str, _argument: Any) -> Request:
    return {}


def _code(_account: str, code: str) -> Request:
    return {"auth_code": code}


def _corp(_account: str, corp: tuple[str, str]) -> Request:
    corpid, permanent_code = corp
    return {"auth_corpid": corpid, "permanent_code": permanent_code}


def _session(_account: str, visit: tuple[str, str]) -> Request:
    pre_auth_code, kind = visit
    return {"pre_auth_code": pre_auth_code, "session_info": {"auth_type": int(kind)}}


def _user(_account: str, _secret: str, code: str) -> Request:
    return {"code": code}


def _session_user(_account: str, _secret: str, code: str) -> Request:
    return {"js_code": code, "grant_type": "authorization_code"}


def _grant(answer: Mapping[str, Any]) -> Grant:
    """Return what is said of a corp, whether its code was exchanged or it was asked about."""
    found = member(answer, "auth_info.agent")
    agents = (
        each.get("agentid") for each in (found if isinstance(found, list) else ()) if isinstance(each, dict)
    )
    return Grant(
        account=text_member(answer, "auth_corp_info.corpid"),
        token=text_member(answer, "access_token"),
        lifetime=answer.get("expires_in"),
        secret=text_member(answer, "permanent_code"),
        rights=tuple(each for each in agents if isinstance(each, int)),
        name=text_member(answer, "auth_corp_info.corp_name"),
    )


def _pages(base: str, visit: Visit) -> tuple[str, str]:
    wanted = {
        "suite_id": visit.account,
        "pre_auth_code": visit.pre_auth_code,
        "redirect_uri": visit.back,
        "state": visit.state,
    }
    return f"{base}/3rdapp/install?{urlencode(wanted)}", ""


THIRD_PARTY = ThirdParty(
    merchants="wecom",
    label=lambda account: account,
    parameter=PARAMETER,
    ticket=PushedTicket(
        kind=TICKET,
        event="suite_ticket",
        field="SuiteTicket",
        life=HALF_HOUR,
        late=LATE,
        spent=frozenset({40085}),
    ),
    event="InfoType",
    time="TimeStamp",
    granted={"create_auth": "AuthCode", "reset_permanent_code": "AuthCode"},
    changed={"change_auth": "AuthCorpId"},
    ended={"cancel_auth": "AuthCorpId"},
    pre_auth=AskedCall(path="/cgi-bin/service/get_pre_auth_code", request=_nothing, method="GET"),
    exchange=AskedCall(path="/cgi-bin/service/get_permanent_code", request=_code),
    grant_of=_grant,
    info=AskedCall(path="/cgi-bin/service/get_auth_info", request=_corp),
    info_of=_grant,
    listing=None,
    listed_of=lambda _answer: (0, []),
    restart=None,
    pages=_pages,
    session=AskedCall(path="/cgi-bin/service/set_session_info", request=_session),
    kinds=frozenset({FORMAL, TRIAL}),
    one_account=False,
    for_merchant=True,
    refused=frozenset({40078, 41008, 42003}),
)


def wecom_suite(base_url: str = wecom.BASE_URL, pages_url: str = PAGES_URL) -> Platform:
    """Return the platform.

    Args:
        base_url: of its calls; another host for a proxy or the sandbox.
        pages_url: of the page on which corps authorise.
    """
    return Platform(
        name="wecom_suite",
        base_url=base_url,
        account_form=r"(w[wx]|dk|tj)[0-9a-f]{16}",
        modes={
            "": TokenCall(
                method="POST",
                path="/cgi-bin/service/get_suite_token",
                request=_unasked,
                after=_token,
                pushed=TICKET,
                repeat=Repeat.SAME_UNTIL_END,
                value=PARAMETER,
                limits=(TOKEN,),
            )
        },
        tickets={},
        exchanges={
            "login": ExchangeCall(
                wecom.SUITE_LOGIN,
                _user,
                required=("corpid",),
                optional=wecom.SUITE_USER,
                with_token=True,
                parameter=PARAMETER,
            ),
            "mini": ExchangeCall(
                wecom.SUITE_SESSION,
                _session_user,
                required=("session_key", "corpid"),
                optional=wecom.SUITE_USER,
                with_token=True,
                parameter=PARAMETER,
            ),
        },
        sign_kinds={},
        probe=None,
        faults=FAULTS,
        one_secret=True,
        addresses={"pages": pages_url},
        third_party=THIRD_PARTY,
    )


_TICKET_REMEDY = Text(
    "The platform pushes the ticket every 10 minutes to the app's command callback URL: check in the provider console "
    "that it is this service's /callback/wecom_suite/<suite_id>, and that token and key are the same. The console can "
    "push one at once.",
    "平台每 10 分钟向应用的“指令回调 URL”推送 ticket：请在服务商后台确认该地址是本服务的 "
    "/callback/wecom_suite/<suite_id>，且 Token 与 EncodingAESKey 一致。后台可以手动推送一次。",
)
_REMEDIES = {
    -1: remedies.BUSY,
    40001: remedies.WRONG_SECRET,
    40013: remedies.UNKNOWN_ACCOUNT,
    40080: remedies.WRONG_SECRET,
    40083: remedies.UNKNOWN_ACCOUNT,
    40084: Text(
        "The corp has withdrawn the authorization, or its permanent code was reset. Let the corp authorise again.",
        "企业已取消授权，或永久授权码已重置。请让企业重新授权。",
    ),
    40085: _TICKET_REMEDY,
    45009: Text(
        "Too many calls. WeCom accepts calls again within the hour.", "调用过多。企业微信会在一小时内恢复。"
    ),
    45033: Text("Too many parallel calls; it recovers by itself.", "并发调用过多，会自行恢复。"),
    60020: Text(
        "Add the address {address} to the IP allow list of the provider console; it works after a minute.",
        "请在服务商后台把 IP {address} 加入 IP 白名单，约一分钟后生效。",
    ),
}


class WecomSuiteSettings(PlatformSettings):
    """WeCom's third-party apps, and the corps' accounts that authorised one."""

    base_url: PlatformUrl = wecom.BASE_URL
    """Where the calls go: another host for a proxy, or the sandbox."""

    pages_url: PlatformUrl = PAGES_URL
    """Where the page is on which corps authorise: another host for the sandbox."""


WECOM_SUITE = PlatformType(
    name="wecom_suite",
    account_word="suite_id",
    settings=WecomSuiteSettings,
    describe=lambda settings: wecom_suite(settings.base_url, settings.pages_url),
    remedies=_REMEDIES,
    sandboxed=True,
)
