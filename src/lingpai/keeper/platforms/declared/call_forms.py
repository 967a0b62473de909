"""The calls of a description, as structs: for tokens, tickets, login codes and probes."""

from typing import Literal

import msgspec

from lingpai.keeper.platforms.calls import ACCESS_TOKEN

Value = str | int | bool
Fields = dict[str, Value]
RepeatWord = Literal["kills_old", "same_until_left", "same_until_end", "prolongs", "all_stay"]


class Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; an unknown name in it is an error."""


class Place(Form):
    """Where a call has its token: in a parameter of the query, or in a header.

    Attributes:
        query: name of the parameter.
        header: name of the header.
        scheme: before the token in it, such as "Bearer ".
    """

    query: str = ""
    header: str = ""
    scheme: str = ""


class LimitForm(Form):
    """A budget.

    Attributes:
        name: of it; calls of the same name are counted together.
        calls: how many.
        per: of which window.
    """

    name: str
    calls: int
    per: Literal["minute", "hour", "day", "month"]


class CallForm(Form):
    """A call.

    Attributes:
        path: below the address.
        method: GET sends the fields in the query, POST in the body.
        at: name of one of `addresses`; `base_url` when left out.
        fields: what is sent, with `{account}`, `{secret}` and so on in it.
        drop_in: whether it is a route of Lingpai too.
    """

    path: str
    method: Literal["GET", "POST"] = "POST"
    at: str = ""
    fields: Fields = {}
    drop_in: bool = True


class RenewedForm(CallForm):
    """A call that answers a value.

    Attributes:
        value: path of the value in the answer.
        lifetime: path of its lifetime.
        unit: of the lifetime.
        absolute: whether that is the unix time of the end, else what is left.
        repeat: the effect of asking again.
        overlap: seconds that an old value lives on beside a new one.
        renew_left: renewed when so many seconds are left; else that follows from `repeat`.
        apart: seconds between two calls at least.
        limits: budgets.
    """

    value: str = "access_token"
    lifetime: str = "expires_in"
    unit: Literal["s", "ms"] = "s"
    absolute: bool = False
    repeat: RepeatWord = "same_until_end"
    overlap: float = 0
    renew_left: float | None = None
    apart: float = 0
    limits: tuple[LimitForm, ...] = ()


class StepForm(CallForm, kw_only=True):
    """A call before the token's.

    Attributes:
        take: names for values of its answer, with their paths; `{step.NAME}` in what follows.
    """

    take: dict[str, str]


class TokenForm(RenewedForm):
    """How a token is fetched with the secret.

    Attributes:
        forced: fields of the call that demands a new token.
        forced_limits: its budgets.
        steps: calls that come before.
    """

    forced: Fields = {}
    forced_limits: tuple[LimitForm, ...] = ()
    steps: tuple[StepForm, ...] = ()


class ProbeForm(CallForm):
    """The cheapest call that shows whether a token is still accepted.

    Attributes:
        place: where the token goes, where that differs.
    """

    method: Literal["GET", "POST"] = "GET"
    place: Place | None = None


class TicketForm(RenewedForm):
    """How a ticket is fetched with a token.

    Attributes:
        place: where the token goes, where that differs.
        probe: shows whether a ticket is still accepted; `{token}` in its fields is the ticket.
    """

    method: Literal["GET", "POST"] = "GET"
    value: str = "ticket"
    place: Place | None = None
    probe: ProbeForm | None = None


class ExchangeForm(CallForm):
    """How a login code is exchanged.

    Attributes:
        required: fields of the answer that must be there.
        optional: fields that are passed on when they are there.
        with_token: whether the call carries the app's token, else its secret.
        kind: which of its tokens.
        place: where the token goes, where that differs.
        inside: path of what has the fields.
    """

    method: Literal["GET", "POST"] = "GET"
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    with_token: bool = False
    kind: str = ACCESS_TOKEN
    place: Place | None = None
    inside: str = ""
