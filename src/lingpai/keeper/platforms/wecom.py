"""WeCom, also called WeChat Work (docs/spec/platforms.md)."""

from lingpai.keeper.platforms.platform import (
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

BASE_URL = "https://qyapi.weixin.qq.com"

# No figure is published for gettoken; 2,000 wrong calls in an hour block a corp for an hour.
TOKEN = Limit("gettoken", 500, Period.HOUR)
TICKET = Limit("ticket", 90, Period.HOUR)  # the platform allows 100 per app


def _secret(account: str, secret: str) -> Request:
    return {"corpid": account, "corpsecret": secret}


def _code(_account: str, _secret: str, code: str) -> Request:
    return {"code": code}


def _js_code(_account: str, _secret: str, code: str) -> Request:
    return {"js_code": code, "grant_type": "authorization_code"}


_PERMANENT = Fault(Severity.PERMANENT)
_CALLER = Fault(Severity.CALLER)
_DEAD = Fault(Severity.DEAD_TOKEN)

FAULTS = {
    -1: Fault(Severity.TRANSIENT),
    40001: _PERMANENT,
    40013: _PERMANENT,
    40056: _PERMANENT,
    40091: _PERMANENT,
    41004: _PERMANENT,
    43002: _PERMANENT,
    43003: _PERMANENT,
    40014: _DEAD,
    42001: _DEAD,
    45009: Fault(Severity.PERMANENT, 3_600),
    45033: Fault(Severity.TRANSIENT, 5),
    40029: _CALLER,
    42007: _CALLER,
    43004: _CALLER,
    48002: _CALLER,
    50001: _CALLER,
    60020: _PERMANENT,
    301002: _CALLER,
}


def wecom(base_url: str = BASE_URL) -> Platform:
    """The description of WeCom; `base_url` for a private deployment or the sandbox."""
    return Platform(
        name="wecom",
        base_url=base_url,
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
                ),
                with_token=True,
            ),
            "mini": ExchangeCall(
                "/cgi-bin/miniprogram/jscode2session",
                _js_code,
                required=("session_key",),
                optional=("corpid", "userid"),
                with_token=True,
            ),
        },
        sign_kinds={"config": "corp_ticket", "agent_config": "agent_ticket"},
        probe=ProbeCall("/cgi-bin/get_api_domain_ip"),
        faults=FAULTS,
        one_secret=False,
    )
