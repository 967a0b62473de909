"""WeChat official accounts and mini programs (docs/spec/platforms.md)."""

import dataclasses
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from lingpai.keeper.platforms import remedies, wechat_drop_ins
from lingpai.keeper.platforms.forwarding import Forwarding, TokenPlace
from lingpai.keeper.platforms.platform import (
    CALLER,
    DEAD_TOKEN,
    PERMANENT,
    TRANSIENT,
    UNTIL_MIDNIGHT,
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

BASE_URL = "https://api.weixin.qq.com"
RENEW_LEFT = 900.0
"""Seconds that a merchant's token has left when it is renewed: the old one lives for five minutes more at most."""
REFRESH_LIFE = 90 * 86_400.0
"""Seconds that a merchant's refresh token is kept without use. The platform names no end; each renewal begins anew."""
PAGES_URL = "https://open.weixin.qq.com"
LOGIN_PATH = "/connect/oauth2/authorize"
_LOGIN_PATHS = {"snsapi_login": "/connect/qrconnect"}
"""Of websites, whose users scan a code."""

# The platform allows 2,000, 500,000 and 20 a day; the rest is left to those who still ask it themselves.
CLASSIC = Limit("classic", 1_800, Period.DAY)
STABLE = Limit("stable", 100_000, Period.DAY)
FORCED = Limit("forced", 15, Period.DAY)
FORCED_APART = Limit("forced_minute", 1, Period.MINUTE)  # the platform demands 30 s


def _credential(account: str, secret: str) -> Request:
    return {"grant_type": "client_credential", "appid": account, "secret": secret}


def _forced(account: str, secret: str) -> Request:
    return {**_credential(account, secret), "force_refresh": True}


def _oauth(account: str, secret: str, code: str) -> Request:
    return {"appid": account, "secret": secret, "code": code, "grant_type": "authorization_code"}


def _mini(account: str, secret: str, code: str) -> Request:
    return {"appid": account, "secret": secret, "js_code": code, "grant_type": "authorization_code"}


def _merchant(provider: str, account: str, _secret: str, refresh_token: str) -> Request:
    return {
        "component_appid": provider,
        "authorizer_appid": account,
        "authorizer_refresh_token": refresh_token,
    }


def _merchant_code(code: str) -> Callable[[str, str, str], Request]:
    def query(provider: str, account: str, value: str) -> Request:
        return {
            "appid": account,
            code: value,
            "grant_type": "authorization_code",
            "component_appid": provider,
        }

    return query


# Meanings on calls that carry a token or a code; on the token call itself `on_token_call` differs.
FAULTS = {
    -1: TRANSIENT,
    40001: DEAD_TOKEN,
    40014: DEAD_TOKEN,
    42001: DEAD_TOKEN,
    40002: PERMANENT,
    40013: PERMANENT,
    40125: PERMANENT,
    40164: PERMANENT,
    40243: PERMANENT,
    50002: PERMANENT,
    50004: PERMANENT,
    50007: PERMANENT,
    61024: PERMANENT,
    41002: PERMANENT,
    41004: PERMANENT,
    43002: PERMANENT,
    43003: PERMANENT,
    45009: Fault(Severity.PERMANENT, UNTIL_MIDNIGHT),
    45011: Fault(Severity.TRANSIENT, 60),
    89501: Fault(Severity.PERMANENT, 600),
    89503: Fault(Severity.PERMANENT, 600),
    89506: Fault(Severity.PERMANENT, 86_400),
    89507: Fault(Severity.PERMANENT, 3_600),
    40029: CALLER,
    40163: CALLER,
    40226: CALLER,
    41008: CALLER,
    42003: CALLER,
    42007: CALLER,
    43004: CALLER,
    48001: CALLER,
}


FORWARDING = Forwarding(
    prefixes=(
        "/cgi-bin/",
        "/wxa/",
        "/wxaapi/",
        "/sns/",
        "/card/",
        "/datacube/",
        "/customservice/",
        "/product/",
        "/channels/",
        "/shop/",
        "/tcb/",
        "/semantic/",
        "/device/",
        "/intp/",
        "/bizsend/",
        "/bizwxa/",
        "/merchant/",
        "/shakearound/",
        "/scan/",
        "/cv/",
    ),
    place=TokenPlace(parameter="access_token"),
    dead=frozenset({40001, 40014, 42001}),
    refused=48001,
    busy=45009,
    often=45009,
)


def wechat(base_url: str = BASE_URL, overlap: float = 300, pages_url: str = PAGES_URL) -> Platform:
    """Return the platform WeChat.

    Args:
        base_url: another host for a proxy or the sandbox.
        overlap: seconds that a token lives on after a new one was issued.
        pages_url: where its pages for logins are.
    """
    stable = TokenCall(
        method="POST",
        path="/cgi-bin/stable_token",
        request=_credential,
        repeat=Repeat.SAME_UNTIL_LEFT,
        overlap=overlap,
        limits=(STABLE,),
        forced=_forced,
        forced_limits=(FORCED_APART, FORCED),
    )
    classic = dataclasses.replace(
        stable,
        method="GET",
        path="/cgi-bin/token",
        repeat=Repeat.KILLS_OLD,
        limits=(CLASSIC,),
        forced=None,
        forced_limits=(),
    )
    return Platform(
        name="wechat",
        base_url=base_url,
        account_form=r"wx[0-9a-f]{16}",
        modes={"stable": stable, "classic": classic},
        tickets={
            "jsapi_ticket": TicketCall("/cgi-bin/ticket/getticket", {"type": "jsapi"}),
            "wx_card_ticket": TicketCall("/cgi-bin/ticket/getticket", {"type": "wx_card"}),
        },
        exchanges={
            "oauth": ExchangeCall(
                "/sns/oauth2/access_token",
                _oauth,
                required=("access_token", "expires_in", "refresh_token", "openid", "scope"),
                optional=("unionid", "is_snapshotuser"),
                by_provider=("/sns/oauth2/component/access_token", _merchant_code("code")),
            ),
            "mini": ExchangeCall(
                "/sns/jscode2session",
                _mini,
                required=("openid", "session_key"),
                optional=("unionid",),
                by_provider=("/sns/component/jscode2session", _merchant_code("js_code")),
            ),
        },
        sign_kinds={"config": "jsapi_ticket"},
        probe=ProbeCall("/cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/token"}),
        faults=FAULTS,
        one_secret=True,
        forwarding=FORWARDING,
        merchant=MerchantCall(
            path="/cgi-bin/component/api_authorizer_token",
            request=_merchant,
            value="authorizer_access_token",
            field="authorizer_refresh_token",
            life=REFRESH_LIFE,
            lost=frozenset({61023}),
            gone=frozenset({61003}),
            repeat=Repeat.KILLS_OLD,
            overlap=overlap,
            renew_left=RENEW_LEFT,
        ),
        login=LoginPage(pages_url, LOGIN_PATH, _LOGIN_PATHS),
    )


_BLOCKED = Text(
    "The platform has restricted the account. Log in to its console and follow the notice there.",
    "平台限制了该账号。请登录后台，按通知处理。",
)
_CONFIRM = Text(
    "The account's administrator has to confirm the address {address}: WeChat has sent them a "
    "message. Then close the circuit breaker with `lingpai token unblock`.",
    "需要应用管理员确认 IP {address}：微信已向其发送消息。确认后用 `lingpai token unblock` 解除熔断。",
)
_REMEDIES = {
    -1: remedies.BUSY,
    40001: remedies.WRONG_SECRET,
    40125: remedies.WRONG_SECRET,
    40013: remedies.UNKNOWN_ACCOUNT,
    40164: Text(
        "The platform does not accept calls from the address {address}. Add it to the app's IP allow list "
        "(console: Settings and development, Basic configuration); it takes some minutes. "
        "Then close the breaker with `lingpai token unblock`.",
        "平台不允许 IP {address} 调用。请把它加入应用的 IP 白名单（后台：设置与开发 › 基本配置），几分钟后生效，"
        "再用 `lingpai token unblock` 解除熔断。",
    ),
    40243: Text(
        "The secret is frozen. Unfreeze it in the platform's console (Basic configuration).",
        "密钥已被冻结。请在平台后台（基本配置）解冻。",
    ),
    45009: remedies.QUOTA,
    45011: Text("Too many calls in this minute; it recovers by itself.", "本分钟内调用过多，会自行恢复。"),
    50002: _BLOCKED,
    50004: _BLOCKED,
    50007: _BLOCKED,
    61024: Text(
        "This account is managed by a third-party platform, which has to fetch its token.",
        "该应用由第三方平台代管，须由第三方平台获取令牌。",
    ),
    89501: _CONFIRM,
    89503: _CONFIRM,
    89506: Text(
        "The administrator refused the address {address} twice. It can be asked for again after 24 hours.",
        "管理员已两次拒绝 IP {address}。24 小时后才能再次申请。",
    ),
    89507: Text(
        "The administrator refused the address {address}. It can be asked for again after an hour.",
        "管理员拒绝了 IP {address}。1 小时后才能再次申请。",
    ),
}


class WechatSettings(PlatformSettings):
    """WeChat official accounts and mini programs."""

    base_url: PlatformUrl = BASE_URL
    """Where the platform is: a forward proxy of yours, or the sandbox."""

    pages_url: PlatformUrl = PAGES_URL
    """Where its pages for logins are: WeChat's own, or the sandbox."""

    overlap: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 300.0
    """Seconds that the previous token stays valid after a new one was issued."""


WECHAT = PlatformType(
    name="wechat",
    account_word="appid",
    settings=WechatSettings,
    describe=lambda settings: wechat(settings.base_url, settings.overlap, settings.pages_url),
    remedies=_REMEDIES,
    drop_ins=wechat_drop_ins.DROP_INS,
    shape=wechat_drop_ins.SHAPE,
    prefixes=("/cgi-bin/", "/sns/"),
    sandboxed=True,
)
