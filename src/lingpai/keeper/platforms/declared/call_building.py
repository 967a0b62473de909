"""The calls of a description, as a `Platform` has them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from lingpai.keeper.platforms.calls import (
    ExchangeCall,
    Headers,
    Limit,
    LoginStep,
    Period,
    ProbeCall,
    Repeat,
    Request,
    TicketCall,
    TokenCall,
)
from lingpai.keeper.platforms.declared.call_forms import (
    ExchangeForm,
    Fields,
    LimitForm,
    Place,
    ProbeForm,
    RenewedForm,
    StepForm,
    TicketForm,
    TokenForm,
)
from lingpai.keeper.platforms.declared.templates import credentials, filled
from lingpai.keeper.platforms.forwarding import TokenPlace

_PERIODS: Final = {
    "minute": Period.MINUTE,
    "hour": Period.HOUR,
    "day": Period.DAY,
    "month": Period.MONTH,
}
_WHOLE_LIFE: Final = 90.0 * 86_400


def _limits(listed: tuple[LimitForm, ...]) -> tuple[Limit, ...]:
    return tuple(Limit(each.name, each.calls, _PERIODS[each.per]) for each in listed)


def _renewed(form: RenewedForm) -> dict[str, Any]:
    repeat = Repeat(form.repeat)
    overlap = _WHOLE_LIFE if repeat is Repeat.ALL_STAY else form.overlap
    return {
        "value": form.value,
        "lifetime": form.lifetime,
        "unit": 0.001 if form.unit == "ms" else 1.0,
        "absolute": form.absolute,
        "repeat": repeat,
        "overlap": overlap,
        "overlap_share": 1,
        "renew_left": form.renew_left,
        "apart": form.apart,
        "limits": _limits(form.limits),
    }


def _with_secret(fields: Fields) -> Callable[[str, str], Request]:
    return lambda account, secret: filled(fields, credentials(account, secret))


def _with_steps(fields: Fields) -> Callable[[str, str, Mapping[str, str]], Request]:
    def request(account: str, secret: str, taken: Mapping[str, str]) -> Request:
        more = {f"step.{name}": value for name, value in taken.items()}
        return filled(fields, credentials(account, secret, more))

    return request


def token_call(form: TokenForm) -> TokenCall:
    """Return how a token is fetched."""
    return TokenCall(
        method=form.method,
        path=form.path,
        request=_with_secret(form.fields),
        forced=_with_secret(form.forced) if form.forced else None,
        forced_limits=_limits(form.forced_limits),
        steps=tuple(map(_step, form.steps)),
        after=_with_steps(form.fields) if form.steps else None,
        at=form.at,
        **_renewed(form),
    )


def _step(form: StepForm) -> LoginStep:
    return LoginStep(
        method=form.method, path=form.path, request=_with_steps(form.fields), take=form.take, at=form.at
    )


class _Carrier:
    """How calls carry a token: in their fields, or in a header."""

    def __init__(self, usual: Place, own: Place | None) -> None:
        self.place = place_of(own or usual)
        self.headers: Callable[[str], Headers] | None = None
        if self.place.header:
            self.headers = self._headers

    def _headers(self, token: str) -> Headers:
        return {self.place.header: f"{self.place.scheme}{token}"}

    def carried(self, method: str) -> Callable[[str], Request] | None:
        """Return what makes the query of a POST of the token."""
        parameter = self.place.parameter if method == "POST" else ""
        return (lambda token: {parameter: token}) if parameter else None

    def request(self, fields: Fields, method: str) -> Callable[[str, str], Request]:
        """Return what makes the fields of account and token."""
        parameter = self.place.parameter if method == "GET" else ""

        def request(account: str, token: str) -> Request:
            sent = filled(fields, credentials(account, "", {"token": token}))
            return {parameter: token, **sent} if parameter else sent

        return request


def place_of(form: Place) -> TokenPlace:
    """Return a place of a token."""
    return TokenPlace(form.query, form.header.lower(), form.scheme)


def ticket_call(usual: Place, form: TicketForm) -> TicketCall:
    """Return how a ticket is fetched; `usual` is where the platform has tokens."""
    carrier = _Carrier(usual, form.place)
    renewed = _renewed(form)
    return TicketCall(
        form.path,
        {},
        renewed.pop("limits"),
        method=form.method,
        request=carrier.request(form.fields, form.method),
        carried=carrier.carried(form.method),
        probe=None if form.probe is None else probe_call(usual, form.probe),
        headers=carrier.headers,
        at=form.at,
        **renewed,
    )


def probe_call(usual: Place, form: ProbeForm) -> ProbeCall:
    """Return the call that shows whether a token is accepted; `usual` is where the platform has tokens."""
    carrier = _Carrier(usual, form.place)
    return ProbeCall(
        form.path,
        request=carrier.request(form.fields, form.method),
        carried=carrier.carried(form.method),
        posts=form.method == "POST",
        headers=carrier.headers,
        at=form.at,
    )


def exchange_call(usual: Place, form: ExchangeForm) -> ExchangeCall:
    """Return how a login code is exchanged; `usual` is where the platform has tokens."""
    carrier = _Carrier(usual, form.place) if form.with_token else None
    fields = form.fields

    def query(account: str, secret: str, code: str) -> Request:
        return filled(fields, credentials(account, secret, {"code": code}))

    return ExchangeCall(
        form.path,
        query,
        required=form.required,
        optional=form.optional,
        with_token=form.with_token,
        method=form.method,
        headers=None if carrier is None else carrier.headers,
        kind=form.kind,
        parameter="" if carrier is None else carrier.place.parameter,
        in_query=form.method == "POST",
        inside=form.inside,
        at=form.at,
    )
