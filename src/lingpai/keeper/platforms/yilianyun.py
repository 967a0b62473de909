"""The cloud-printer platform that docs/spec/yilianyun.md describes, of which the issuer has a dialect.

A self-owned app has one token for all its terminals. An open app has none, but one for each terminal whose owner
authorised it: it begins with an exchange, and lives by its refresh token.
"""

import hashlib
import uuid
from collections.abc import Callable

from lingpai.keeper.platforms import remedies
from lingpai.keeper.platforms.forms import Body, Envelope
from lingpai.keeper.platforms.platform import (
    CALLER,
    DEAD_TOKEN,
    PERMANENT,
    TRANSIENT,
    UNTIL_MIDNIGHT,
    ExchangeCall,
    Fault,
    Limit,
    Period,
    Platform,
    RefreshCall,
    Repeat,
    Request,
    Severity,
    TokenCall,
)
from lingpai.keeper.platforms.platform_type import PlatformType, Text
from lingpai.keeper.platforms.settings import PlatformSettings, PlatformUrl

DAY = 86_400.0
REFRESH_LIFE = 35 * DAY
RENEW_LEFT = 3 * DAY
"""Early enough for outages of days, which a budget of so few calls must outlast too."""

OAUTH = Limit("oauth", 18, Period.DAY)
"""Obtaining and refreshing; the platform allows 20 for each app and terminal. Two are left to people."""

BACKOFF_CAP = 1_024.0
"""So that a day's calls outlast an outage of two hours."""

FAULTS = {
    1: PERMANENT,
    2: PERMANENT,
    6: CALLER,
    8: CALLER,
    10: PERMANENT,
    11: PERMANENT,
    12: PERMANENT,
    14: PERMANENT,
    15: PERMANENT,
    17: CALLER,
    18: DEAD_TOKEN,
    19: PERMANENT,
    20: PERMANENT,
    27: PERMANENT,
    29: CALLER,
    30: CALLER,
    31: PERMANENT,
    33: TRANSIENT,
    34: TRANSIENT,
    35: CALLER,
    41: Fault(Severity.PERMANENT, UNTIL_MIDNIGHT),
    45: TRANSIENT,
    47: PERMANENT,
}


def signature_of(client_id: str, timestamp: int, secret: str) -> str:
    """Return the `sign` of a call (docs/spec/yilianyun.md), as lower-case hex."""
    return hashlib.md5(f"{client_id}{timestamp}{secret}".encode(), usedforsecurity=False).hexdigest()


def _stamp(account: str, secret: str, now: int) -> Request:
    return {
        "client_id": account,
        "timestamp": str(now),
        "id": str(uuid.uuid4()),
        "sign": signature_of(account, now, secret),
        "scope": "all",
    }


def _own(_account: str, _secret: str) -> Request:
    return {"grant_type": "client_credentials"}


def _refresh(refresh_token: str) -> Request:
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


def _code(_account: str, _secret: str, code: str) -> Request:
    return {"grant_type": "authorization_code", "code": code}


def _scan(_account: str, _secret: str, code: str) -> Request:
    machine_code, _, qr_key = code.partition(":")
    return {"machine_code": machine_code, "qr_key": qr_key}


REFRESH = RefreshCall(
    path="/oauth/oauth",
    request=_refresh,
    field="refresh_token",
    life=REFRESH_LIFE,
    over=20,
    spent=frozenset((14, 20)),
    limits=(OAUTH,),
    repeat=Repeat.KILLS_OLD,
    renew_left=RENEW_LEFT,
)
"""The old token dies within two hours, by no published rule: it counts as dead at once."""

OWN = TokenCall(
    method="POST",
    path="/oauth/oauth",
    request=_own,
    repeat=Repeat.KILLS_OLD,
    renew_left=RENEW_LEFT,
    limits=(OAUTH,),
    refresh=REFRESH,
)


def _brings_terminal(path: str, query: Callable[[str, str, str], Request]) -> ExchangeCall:
    return ExchangeCall(
        path,
        query,
        required=("machine_code",),
        optional=("scope",),
        method="POST",
        terminal="machine_code",
    )


def yilianyun(base_url: str = "") -> Platform:
    """Return the platform at `base_url`, which has no default.

    Its exchanges are `code` (of an authorization) and `scan`, whose code is `<machine_code>:<qr_key>`.
    """
    return Platform(
        name="yilianyun",
        base_url=base_url,
        account_form=r"[0-9]{4,10}",
        modes={"self_owned": OWN, "open": OWN},
        tickets={},
        exchanges={
            "code": _brings_terminal("/oauth/oauth", _code),
            "scan": _brings_terminal("/oauth/scancodemodel", _scan),
        },
        sign_kinds={},
        probe=None,
        faults=FAULTS,
        one_secret=True,
        envelope=Envelope("error", "error_description", 0, may_lack=False, data="body"),
        body=Body.FORM,
        stamp=_stamp,
        terminals=REFRESH,
        tokenless=frozenset(("open",)),
        backoff_cap=BACKOFF_CAP,
    )


_AUTHORISE_AGAIN = Text(
    "The terminal's owner has to authorise it again; exchange the code or key that this returns.",
    "终端的主人须重新授权；然后用得到的 code 或 qr_key 换取令牌。",
)
_REMEDIES = {
    2: remedies.UNKNOWN_ACCOUNT,
    11: remedies.WRONG_SECRET,
    14: _AUTHORISE_AGAIN,
    20: _AUTHORISE_AGAIN,
    31: Text(
        "The app is of the open type: add it with --mode open, and authorise its terminals.",
        "这是开放型应用：请用 --mode open 添加，并逐个授权终端。",
    ),
    41: remedies.QUOTA,
    47: Text(
        "Set this machine's clock, preferably by NTP: the platform refuses calls with a wrong time.",
        "请校准本机时钟（最好用 NTP）：时间不符的调用会被平台拒绝。",
    ),
}


class YilianyunSettings(PlatformSettings):
    """The platform yilianyun, for the keeper's accounts; the issuer's realms are under `realms`."""

    base_url: PlatformUrl | None = None
    """Where the platform is, up to what comes before /oauth; needed once an account of it is configured."""


YILIANYUN = PlatformType(
    name="yilianyun",
    account_word="client_id",
    settings=YilianyunSettings,
    describe=lambda settings: yilianyun(settings.base_url or ""),
    remedies=_REMEDIES,
)
