"""Drop-in routes as data: what a platform's file declares of them. `keeper/routes/drop_in.py` serves them."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from lingpai.keeper.platforms.calls import ACCESS_TOKEN
from lingpai.keeper.platforms.forwarding import TokenPlace

IN_QUERY = TokenPlace(parameter=ACCESS_TOKEN)
BOTH = ("GET", "POST")


class TokenAnswer(msgspec.Struct):
    """A token; `expires_in` is its remaining lifetime in whole seconds."""

    access_token: str
    expires_in: int


class TicketAnswer(msgspec.Struct):
    """A ticket, as platforms answer that send `errcode`; `expires_in` is its remaining lifetime in whole seconds."""

    errcode: int
    errmsg: str
    ticket: str
    expires_in: int


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as it is."""
    return answer


def ticket_answer(ticket: str, expires_in: int) -> TicketAnswer:
    """Return the answer with a ticket."""
    return TicketAnswer(0, "ok", ticket, expires_in)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DropIn:
    """A route in the platform's own form.

    Attributes:
        path: the platform's own.
        params: the struct of its parameters.
        summary: one line for the reference.
        methods: HTTP methods.
    """

    path: str
    params: type[msgspec.Struct]
    summary: str
    methods: tuple[str, ...] = BOTH


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DropInToken(DropIn):
    """Answers the access token of an app.

    Attributes:
        app: the parameters with the app's id, and with its secret or a caller key in the place of that.
        check: refuses parameters that the platform refuses; raises LingpaiError.
        answer: makes the answer of a token and its remaining seconds.
        returns: the type of the answer.
        kind: of the token.
    """

    app: tuple[str, str]
    check: Callable[[Any], None] | None = None
    answer: Callable[[str, int], Any] = TokenAnswer
    returns: Any = TokenAnswer
    kind: str = ACCESS_TOKEN


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DropInTicket(DropIn):
    """Answers a ticket to whoever has a live token.

    Attributes:
        place: where the token is.
        kinds: kinds of tickets by the value of the parameter `type`; one kind under "" when no parameter chooses.
        answer: makes the answer of a ticket and its remaining seconds.
        returns: the type of the answer.
    """

    place: TokenPlace = IN_QUERY
    kinds: Mapping[str, str]
    answer: Callable[[str, int], Any] = ticket_answer
    returns: Any = TicketAnswer


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DropInExchange(DropIn):
    """Exchanges a code for what the platform answers to it.

    Attributes:
        kind: one of the platform's exchanges.
        app: as of `DropInToken`.
        code: the parameter with the code.
        answer: makes the answer of what the exchange returned.
    """

    kind: str
    app: tuple[str, str]
    code: str
    answer: Callable[[dict[str, Any]], dict[str, Any]] = plain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DropInTokenExchange(DropIn):
    """Exchanges a code for whoever has a live token of the app.

    Attributes:
        place: where the token is.
        kind: one of the platform's exchanges, with a token.
        code: the parameter with the code.
        answer: makes the answer of what the exchange returned.
    """

    place: TokenPlace = IN_QUERY
    kind: str
    code: str
    answer: Callable[[dict[str, Any]], dict[str, Any]] = plain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DropInUserCall(DropIn):
    """Passes a call on that carries a token of a user: the platform decides about it, and its answer is passed back.

    Attributes:
        credential: the parameter with the user's token.
        account: the parameter with the app's id, or "" when the call names none.
    """

    credential: str
    account: str = ""
