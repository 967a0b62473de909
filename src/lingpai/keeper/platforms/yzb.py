"""The platform that docs/spec/yzb.md describes, of which the issuer has a dialect: server token and js_ticket."""

from lingpai.keeper.platforms.forms import Body, Envelope, Published, SignRecipe, without_query
from lingpai.keeper.platforms.platform import (
    ACCESS_TOKEN,
    CALLER,
    DEAD_TOKEN,
    PERMANENT,
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
from lingpai.keeper.platforms.platform_type import PlatformType, Text
from lingpai.keeper.platforms.settings import PlatformSettings, PlatformUrl

JS_TICKET = "js_ticket"
OVERLAP = 600.0
"""Seconds that a value lives on, at most, after the next was issued, and so when the next is due."""

# The platform publishes no figure; twelve of each a day are due.
TOKEN = Limit("token", 1_000, Period.DAY)
TICKET = Limit("ticket", 1_000, Period.DAY)

FAULTS = {
    4000: Fault(Severity.PERMANENT, 60),  # a wrong secret as well as too many requests: one number for both
    4101: PERMANENT,
    4102: DEAD_TOKEN,
    4103: PERMANENT,
    4104: CALLER,
}


def _token(account: str, secret: str) -> Request:
    return {"app_id": account, "secret": secret, "grant_type": "client_credential"}


def _code(account: str, secret: str, code: str) -> Request:
    return {"app_id": account, "secret": secret, "grant_type": "authorization_code", "code": code}


def _ticket(account: str, token: str) -> Request:
    return {"app_id": account, "access_token": token}


def _check(kind: str) -> ProbeCall:
    def request(account: str, value: str) -> Request:
        return {"app_id": account, "type": kind, "code": value}

    return ProbeCall("/OAuth2/checkCode", request=request, posts=True)


def yzb(base_url: str = "") -> Platform:
    """Return the platform at `base_url`, which has no default."""
    return Platform(
        name="yzb",
        base_url=base_url,
        account_form=r"[0-9]{4,10}",
        modes={
            "": TokenCall(
                method="POST",
                path="/OAuth2/token",
                request=_token,
                repeat=Repeat.KILLS_OLD,
                overlap=OVERLAP,
                overlap_share=1,
                renew_left=OVERLAP,
                limits=(TOKEN,),
            )
        },
        tickets={
            JS_TICKET: TicketCall(
                "/OAuth2/ticket",
                {"type": JS_TICKET},
                (TICKET,),
                method="POST",
                request=_ticket,
                probe=_check(JS_TICKET),
                repeat=Repeat.KILLS_OLD,
                overlap=OVERLAP,
                overlap_share=1,
                renew_left=OVERLAP,
            )
        },
        exchanges={
            "oauth": ExchangeCall(
                "/OAuth2/token",
                _code,
                required=("open_id", "access_token", "expires_in", "refresh_token", "scope"),
                method="POST",
            )
        },
        sign_kinds={"config": JS_TICKET},
        probe=_check(ACCESS_TOKEN),
        faults=FAULTS,
        one_secret=True,
        envelope=Envelope("status", "message", 2000, may_lack=False, data="data"),
        body=Body.FORM,
        recipe=SignRecipe(
            "js_ticket={ticket}&nonce_str={nonce}&timestamp={timestamp}&url={url}",
            without_query,
        ),
        published={
            ACCESS_TOKEN: Published("type/server_access_token_info/app_id/{account}", "server_access_token"),
            JS_TICKET: Published("type/js_ticket_info/app_id/{account}", "js_ticket"),
        },
    )


_REMEDIES = {
    4000: Text(
        "The id or the secret is wrong, the app's address list lacks {address}, or there were "
        "too many calls. Set the secret with `lingpai account add`, then close the circuit "
        "breaker with `lingpai token unblock`.",
        "标识或密钥有误、应用的地址名单里没有 {address}，或调用过多。请用 `lingpai account add` 设置密钥，"
        "然后用 `lingpai token unblock` 解除熔断。",
    )
}


class YzbSettings(PlatformSettings):
    """The platform yzb, for the keeper's accounts; the issuer's realms are under `realms`."""

    base_url: PlatformUrl | None = None
    """Where the platform is, up to what comes before /OAuth2; needed once an account of it is configured."""


YZB = PlatformType(
    name="yzb",
    account_word="app_id",
    settings=YzbSettings,
    describe=lambda settings: yzb(settings.base_url or ""),
    remedies=_REMEDIES,
)
