"""WeCom, also called WeChat Work (docs/spec/platforms.md)."""

from typing import Annotated, Any

import msgspec

from lingpai.core.errors import Kind
from lingpai.keeper.parameters import Code, Id, Secret, Token
from lingpai.keeper.platforms import remedies
from lingpai.keeper.platforms.drop_in import DropInTicket, DropInToken, DropInTokenExchange
from lingpai.keeper.platforms.errcode_shape import ERRCODES, ErrcodeShape
from lingpai.keeper.platforms.forwarding import Forwarding, TokenPlace
from lingpai.keeper.platforms.platform import (
    CALLER,
    DEAD_TOKEN,
    PERMANENT,
    TRANSIENT,
    ExchangeCall,
    Fault,
    Limit,
    LoginPage,
    Period,
    Platform,
    ProbeCall,
    Repeat,
    Request,
    Severity,
    TicketCall,
    TokenCall,
)
from lingpai.keeper.platforms.platform_type import PlatformType, Text
from lingpai.keeper.platforms.settings import PlatformSettings, PlatformUrl
from lingpai.keeper.platforms.third_party import MerchantCall

BASE_URL = "https://qyapi.weixin.qq.com"
PAGES_URL = "https://open.weixin.qq.com"

# No figure is published for gettoken; 2,000 wrong calls in an hour block a corp for an hour.
TOKEN = Limit("gettoken", 500, Period.HOUR)
TICKET = Limit("ticket", 90, Period.HOUR)  # the platform allows 100 per app

SUITE_LOGIN = "/cgi-bin/service/auth/getuserinfo3rd"
SUITE_SESSION = "/cgi-bin/service/miniprogram/jscode2session"
"""Exchanges of codes with the token of a third-party app, whichever corp the user is of."""
SUITE_USER = ("userid", "open_userid", "user_ticket", "openid", "external_userid")
"""What their answers say of the user, besides the corp."""


def _secret(account: str, secret: str) -> Request:
    return {"corpid": account, "corpsecret": secret}


def _code(_account: str, _secret: str, code: str) -> Request:
    return {"code": code}


def _js_code(_account: str, _secret: str, code: str) -> Request:
    return {"js_code": code, "grant_type": "authorization_code"}


def _suite_code(_provider: str, _account: str, code: str) -> Request:
    return {"code": code}


def _suite_js_code(_provider: str, _account: str, code: str) -> Request:
    return {"js_code": code, "grant_type": "authorization_code"}


def _corp(_provider: str, account: str, secret: str, _refresh_token: str) -> Request:
    return {"auth_corpid": account, "permanent_code": secret}


FAULTS = {
    -1: TRANSIENT,
    40001: PERMANENT,
    40013: PERMANENT,
    40056: PERMANENT,
    40091: PERMANENT,
    41004: PERMANENT,
    43002: PERMANENT,
    43003: PERMANENT,
    40014: DEAD_TOKEN,
    42001: DEAD_TOKEN,
    45009: Fault(Severity.PERMANENT, 3_600),
    45033: Fault(Severity.TRANSIENT, 5),
    40029: CALLER,
    42007: CALLER,
    43004: CALLER,
    48002: CALLER,
    50001: CALLER,
    60020: PERMANENT,
    301002: CALLER,
}


FORWARDING = Forwarding(
    prefixes=("/cgi-bin/",),
    place=TokenPlace(parameter="access_token"),
    dead=frozenset({40014, 42001}),
    refused=48002,
    busy=45033,
    often=45009,
)


def wecom(base_url: str = BASE_URL, pages_url: str = PAGES_URL) -> Platform:
    """Return the platform WeCom; `base_url` for a private deployment or the sandbox, `pages_url` for its logins."""
    return Platform(
        name="wecom",
        base_url=base_url,
        account_form=r"w[wx][0-9a-f]{16}",
        modes={
            "": TokenCall(
                method="GET",
                path="/cgi-bin/gettoken",
                request=_secret,
                repeat=Repeat.SAME_UNTIL_END,
                overlap=0,
                limits=(TOKEN,),
            )
        },
        tickets={
            "corp_ticket": TicketCall("/cgi-bin/get_jsapi_ticket", {}, limits=(TICKET,)),
            "agent_ticket": TicketCall("/cgi-bin/ticket/get", {"type": "agent_config"}, limits=(TICKET,)),
        },
        exchanges={
            "login": ExchangeCall(
                "/cgi-bin/auth/getuserinfo",
                _code,
                required=(),
                optional=(
                    "userid",
                    "user_ticket",
                    "openid",
                    "external_userid",
                    "UserId",
                    "OpenId",
                    "DeviceId",
                    "open_userid",
                ),
                with_token=True,
                by_provider=(SUITE_LOGIN, _suite_code),
                owner="corpid",
            ),
            "mini": ExchangeCall(
                "/cgi-bin/miniprogram/jscode2session",
                _js_code,
                required=("session_key",),
                optional=("corpid", "userid"),
                with_token=True,
                by_provider=(SUITE_SESSION, _suite_js_code),
                owner="corpid",
            ),
        },
        sign_kinds={"config": "corp_ticket", "agent_config": "agent_ticket"},
        probe=ProbeCall("/cgi-bin/get_api_domain_ip"),
        faults=FAULTS,
        one_secret=False,
        forwarding=FORWARDING,
        checks_address=True,
        merchant=MerchantCall(
            path="/cgi-bin/service/get_corp_token", request=_corp, repeat=Repeat.SAME_UNTIL_END
        ),
        login=LoginPage(pages_url, "/connect/oauth2/authorize", {}),
    )


_REMEDIES = {
    -1: remedies.BUSY,
    40001: remedies.WRONG_SECRET,
    40091: Text(
        "The secret belongs to another corp. Copy the secret of this corp's app and set it with "
        "`lingpai account add`.",
        "密钥属于另一个企业。请取本企业应用的密钥，用 `lingpai account add` 重新设置。",
    ),
    40013: remedies.UNKNOWN_ACCOUNT,
    40056: remedies.UNKNOWN_ACCOUNT,
    45009: Text(
        "Too many calls. WeCom accepts calls again within the hour.", "调用过多。企业微信会在一小时内恢复。"
    ),
    45033: Text("Too many parallel calls; it recovers by itself.", "并发调用过多，会自行恢复。"),
    60020: Text(
        "Add the address {address} to the app's trusted IPs in the WeCom console; it works after a minute.",
        "请在企业微信后台把 IP {address} 加入应用的企业可信 IP，约一分钟后生效。",
    ),
}

_SHAPE = ErrcodeShape(
    {
        **ERRCODES,
        Kind.NOT_ALLOWED: 40001,
        Kind.MISSING_KEY: 40001,
        Kind.WRONG_KEY: 40001,
        Kind.WRONG_SECRET: 40001,
        Kind.AMBIGUOUS_ACCOUNT: 40001,
        Kind.UNKNOWN_TOKEN: 40014,
    },
    missing={"access_token": 41001, "corpid": 41002, "corpsecret": 41004, "code": 40029, "js_code": 40029},
)


class WecomCredential(msgspec.Struct):
    """As WeCom's own token call."""

    corpid: Id
    corpsecret: Secret


CodeGrant = Annotated[str, msgspec.Meta(description="authorization_code (default)")]
TicketType = Annotated[str, msgspec.Meta(description="agent_config (default); only of the app ticket")]


class WecomTicket(msgspec.Struct):
    """As WeCom's own ticket calls."""

    access_token: Token
    type: TicketType = "agent_config"


class WecomCode(msgspec.Struct):
    """As WeCom's own exchange of a web login code."""

    access_token: Token
    code: Code


class WecomSession(msgspec.Struct):
    """As WeCom's own exchange of a mini program's code."""

    access_token: Token
    js_code: Code
    grant_type: CodeGrant = "authorization_code"


def _ok(answer: dict[str, Any]) -> dict[str, Any]:
    return {"errcode": 0, "errmsg": "ok", **answer}


class WecomToken(msgspec.Struct):
    """As WeCom answers a token call."""

    errcode: int
    errmsg: str
    access_token: str
    expires_in: int


_DROP_INS = (
    DropInToken(
        path="/cgi-bin/gettoken", params=WecomCredential, app=("corpid", "corpsecret"),
        answer=lambda token, expires_in: WecomToken(0, "ok", token, expires_in), returns=WecomToken,
        summary="Get a token, like WeCom's call",
    ),
    DropInTicket(
        path="/cgi-bin/get_jsapi_ticket", params=WecomTicket, kinds={"": "corp_ticket"},
        summary="Get the corp ticket, like WeCom's call",
    ),
    DropInTicket(
        path="/cgi-bin/ticket/get", params=WecomTicket, kinds={"agent_config": "agent_ticket"},
        summary="Get the app ticket, like WeCom's call",
    ),
    DropInTokenExchange(
        path="/cgi-bin/auth/getuserinfo", params=WecomCode, kind="login", code="code", answer=_ok,
        summary="Exchange a web login code, like WeCom's call",
    ),
    DropInTokenExchange(
        path="/cgi-bin/miniprogram/jscode2session", params=WecomSession, kind="mini", code="js_code", answer=_ok,
        summary="Exchange a mini program's login code, like WeCom's call",
    ),
)  # fmt: skip


class WecomSettings(PlatformSettings):
    """WeCom."""

    base_url: PlatformUrl = BASE_URL
    """Where the platform is: a private deployment, or the sandbox."""

    pages_url: PlatformUrl = PAGES_URL
    """Where its pages for logins are: WeCom's own, a private deployment, or the sandbox."""


WECOM = PlatformType(
    name="wecom",
    account_word="corpid",
    settings=WecomSettings,
    describe=lambda settings: wecom(settings.base_url, settings.pages_url),
    remedies=_REMEDIES,
    drop_ins=_DROP_INS,
    shape=_SHAPE,
    sandboxed=True,
)
