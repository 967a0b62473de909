"""WeChat official accounts and mini programs (docs/spec/platforms.md)."""

import dataclasses

from lingpai.keeper.platforms.platform import (
    UNTIL_MIDNIGHT,
    ExchangeCall,
    Fault,
    Limit,
    Period,
    Platform,
    ProbeCall,
    Repeat,
    Request,
    Severity,
    TicketCall,
    TokenCall,
)

BASE_URL = "https://api.weixin.qq.com"

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


_TRANSIENT = Fault(Severity.TRANSIENT)
_PERMANENT = Fault(Severity.PERMANENT)
_CALLER = Fault(Severity.CALLER)
_DEAD = Fault(Severity.DEAD_TOKEN)

# Meanings on calls that carry a token or a code; on the token call itself `on_token_call` differs.
FAULTS = {
    -1: _TRANSIENT,
    40001: _DEAD,
    40014: _DEAD,
    42001: _DEAD,
    40002: _PERMANENT,
    40013: _PERMANENT,
    40125: _PERMANENT,
    40164: _PERMANENT,
    40243: _PERMANENT,
    50002: _PERMANENT,
    50004: _PERMANENT,
    50007: _PERMANENT,
    61024: _PERMANENT,
    41002: _PERMANENT,
    41004: _PERMANENT,
    43002: _PERMANENT,
    43003: _PERMANENT,
    45009: Fault(Severity.PERMANENT, UNTIL_MIDNIGHT),
    45011: Fault(Severity.TRANSIENT, 60),
    89501: Fault(Severity.PERMANENT, 600),
    89503: Fault(Severity.PERMANENT, 600),
    89506: Fault(Severity.PERMANENT, 86_400),
    89507: Fault(Severity.PERMANENT, 3_600),
    40029: _CALLER,
    40163: _CALLER,
    40226: _CALLER,
    41008: _CALLER,
    42003: _CALLER,
    42007: _CALLER,
    43004: _CALLER,
    48001: _CALLER,
}


def wechat(base_url: str = BASE_URL, overlap: float = 300) -> Platform:
    """The description of WeChat.

    Args:
        base_url: another host for a proxy or the sandbox.
        overlap: seconds that a token lives on after a new one was issued.
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
            ),
            "mini": ExchangeCall(
                "/sns/jscode2session", _mini, required=("openid", "session_key"), optional=("unionid",)
            ),
        },
        sign_kinds={"config": "jsapi_ticket"},
        probe=ProbeCall("/cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/token"}),
        faults=FAULTS,
        one_secret=True,
    )
