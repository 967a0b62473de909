"""A platform of another package, as its author would write it: one file, and an entry point of one line."""

from typing import Any

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Reply
from lingpai.keeper.parameters import Code, Id, Secret, Token
from lingpai.keeper.platforms.drop_in import DropInExchange, DropInTicket, DropInToken
from lingpai.keeper.platforms.forms import Body, Envelope
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
from lingpai.keeper.platforms.platform_type import PlatformType, Text
from lingpai.keeper.platforms.settings import PlatformSettings


def _token(account: str, secret: str) -> Request:
    return {"toy": account, "key": secret}


def _code(account: str, secret: str, code: str) -> Request:
    return {"toy": account, "key": secret, "code": code}


def toy(base_url: str, life: float) -> Platform:
    quick = TokenCall(
        method="POST",
        path="/toybox/token",
        request=_token,
        repeat=Repeat.KILLS_OLD,
        overlap=life,
        overlap_share=1,
        limits=(Limit("toy", 100, Period.DAY),),
        value="wind",
        lifetime="seconds",
    )
    return Platform(
        name="toy",
        base_url=base_url,
        account_form=r"toy-[0-9]+",
        modes={"quick": quick, "slow": quick},
        tickets={"key_ticket": TicketCall("/toybox/ticket", {"for": "key"}, value="key", lifetime="seconds")},
        exchanges={"play": ExchangeCall("/toybox/play", _code, required=("child",))},
        sign_kinds={"config": "key_ticket"},
        probe=ProbeCall("/toybox/probe"),
        faults={7: Fault(Severity.PERMANENT, 600), 8: Fault(Severity.DEAD_TOKEN), 9: Fault(Severity.CALLER)},
        one_secret=True,
        envelope=Envelope("result", "why", 1, may_lack=False),
        body=Body.FORM,
    )


class ToySettings(PlatformSettings):
    """The toy platform."""

    overlap: float = 5.0
    """Seconds that a toy token lives on."""


class Credential(msgspec.Struct):
    """As the toy platform's own token call."""

    toy: Id
    key: Secret


class Ticket(msgspec.Struct):
    """As the toy platform's own ticket call."""

    access_token: Token


class Play(msgspec.Struct):
    """As the toy platform's own exchange."""

    toy: Id
    key: Secret
    code: Code


class Answer(msgspec.Struct):
    """As the toy platform answers."""

    result: int
    wind: str
    seconds: int


class ToyShape:
    """Errors as the toy platform words them."""

    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id
        return Reply(msgspec.json.encode(value))

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        del trace_id
        return Reply(msgspec.json.encode({"result": 0, "why": error.kind.value}), status=418)


TOY = PlatformType(
    name="toy",
    account_word="toy number",
    settings=ToySettings,
    describe=lambda settings: toy(settings.base_url or "", settings.overlap),
    remedies={
        7: Text("Wind the toy up at the address {address}.", "请在 {address} 给玩具上发条。"),
    },
    drop_ins=(
        DropInToken(
            path="/toybox/token",
            params=Credential,
            app=("toy", "key"),
            answer=lambda token, expires_in: Answer(1, token, expires_in),
            returns=Answer,
            summary="As the toy platform's token call",
        ),
        DropInTicket(
            path="/toybox/ticket",
            params=Ticket,
            kinds={"": "key_ticket"},
            answer=lambda ticket, expires_in: {"result": 1, "key": ticket, "seconds": expires_in},
            returns=dict[str, Any],
            summary="As the toy platform's ticket call",
        ),
        DropInExchange(
            path="/toybox/play",
            params=Play,
            app=("toy", "key"),
            kind="play",
            code="code",
            summary="As the toy platform's exchange",
        ),
    ),
    shape=ToyShape(),
    prefixes=("/toybox/",),
    samples={"toy-1": "tin-key"},
)
