"""Drop-in routes of a described platform: its token calls, tickets and exchanges, as it has them itself."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.parameters import Code, Id, Secret, Token
from lingpai.keeper.platforms.declared.call_building import place_of
from lingpai.keeper.platforms.declared.call_forms import (
    CallForm,
    ExchangeForm,
    Fields,
    RenewedForm,
    TicketForm,
)
from lingpai.keeper.platforms.declared.schema import Declared
from lingpai.keeper.platforms.declared.shape import head_of
from lingpai.keeper.platforms.drop_in import (
    DropIn,
    DropInExchange,
    DropInTicket,
    DropInToken,
    DropInTokenExchange,
)
from lingpai.keeper.platforms.forms import Envelope, placed
from lingpai.keeper.platforms.platform import ACCESS_TOKEN

_TYPES: Final[Mapping[str, Any]] = {"{account}": Id, "{secret}": Secret, "{code}": Code}


def drop_ins_of(declared: Declared, envelope: Envelope) -> Iterator[DropIn]:
    """Yield the routes. A call whose fields are no plain account, secret, code and constants has none.

    Args:
        declared: the description.
        envelope: of its answers.
    """
    if not declared.drop_in:
        return
    seen: set[str] = set()
    for each in _all_of(declared, envelope):
        if each.path not in seen:  # modes may share one; an account's own decides
            seen.add(each.path)
            yield each


def _all_of(declared: Declared, envelope: Envelope) -> Iterator[DropIn]:
    token = [declared.token] if declared.token is not None else []
    for form in (*token, *declared.modes.values()):
        if form.drop_in and not form.steps:
            yield from _token(declared, envelope, form, ACCESS_TOKEN)
    for kind, form in declared.tokens.items():
        if form.drop_in and not form.steps:
            yield from _token(declared, envelope, form, kind)
    for path in dict.fromkeys(each.path for each in declared.tickets.values()):
        here = {name: each for name, each in declared.tickets.items() if each.path == path and each.drop_in}
        if here:
            yield from _ticket(declared, envelope, here)
    for kind, exchange in declared.exchanges.items():
        if exchange.drop_in:
            yield from _exchange(declared, envelope, kind, exchange)


def _params(declared: Declared, form: CallForm, *more: tuple[str, Any]) -> type[msgspec.Struct] | None:
    """Return the struct of a call's parameters; None when they are not plain."""
    fields: list[Any] = list(more)
    for field, value in form.fields.items():
        if not field.isidentifier() or any(field == known for known, *_ in more):
            return None
        if isinstance(value, str) and value in _TYPES:
            fields.append((field, _TYPES[value]))
        elif isinstance(value, str) and "{" in value:
            return None
    optional = [
        (field, Annotated[Any, msgspec.Meta(description=f"{value} (default)")], value)
        for field, value in form.fields.items()
        if value not in _TYPES
    ]
    made = msgspec.defstruct(_name_of(declared, form), [*fields, *optional], module=__name__)
    made.__doc__ = f"As {declared.title or declared.name}'s own call."
    return made


def _name_of(declared: Declared, form: CallForm) -> str:
    """Return a name for the parameters of a call, as no other call has it."""
    words = re.findall(r"[A-Za-z0-9]+", f"{declared.name} {form.path}")
    return "".join(word[:1].upper() + word[1:] for word in words)


def _parameter(fields: Fields, place: str) -> str:
    return next((name for name, value in fields.items() if value == place), "")


def _check_of(form: CallForm) -> Callable[[Any], None]:
    constants = {
        name: value
        for name, value in form.fields.items()
        if value not in _TYPES and name != "scope"  # which clients may narrow
    }

    def check(params: Any) -> None:
        for name, value in constants.items():
            if str(getattr(params, name)) != str(value):
                raise LingpaiError(Kind.INVALID_PARAMETER, f"{name} must be {value}.", parameter=name)

    return check


def _answering(envelope: Envelope, form: RenewedForm) -> Callable[[str, int], dict[str, Any]]:
    inside = f"{envelope.data}." if envelope.data else ""
    unit = 1000 if form.unit == "ms" else 1

    def answer(value: str, expires_in: int) -> dict[str, Any]:
        return placed(
            {
                **head_of(envelope),
                f"{inside}{form.value}": value,
                f"{inside}{form.lifetime}": expires_in * unit,
            }
        )

    return answer


def _methods(form: CallForm) -> tuple[str, ...]:
    return ("GET", "POST") if form.method == "GET" else ("POST",)


def _token(declared: Declared, envelope: Envelope, form: RenewedForm, kind: str) -> Iterator[DropIn]:
    account, secret = _parameter(form.fields, "{account}"), _parameter(form.fields, "{secret}")
    params = _params(declared, form)
    if params is None or not account or not secret or form.absolute:
        return
    yield DropInToken(
        path=form.path,
        params=params,
        methods=_methods(form),
        app=(account, secret),
        kind=kind,
        check=_check_of(form),
        answer=_answering(envelope, form),
        returns=dict[str, Any],
        summary=f"Get a token, like {declared.title or declared.name}'s call",
    )


def _ticket(declared: Declared, envelope: Envelope, forms: Mapping[str, TicketForm]) -> Iterator[DropIn]:
    first = next(iter(forms.values()))
    place = place_of(first.place or declared.place)
    carried = ((place.parameter, Token),) if place.parameter else ()
    plain = CallForm(path=first.path, fields={} if len(forms) > 1 else first.fields)
    params = _params(declared, plain, *carried)
    kinds = {"": next(iter(forms))}
    if len(forms) > 1:
        kinds = {str(each.fields.get("type", "")): kind for kind, each in forms.items()}
        params = msgspec.defstruct(
            _name_of(declared, first), [*carried, ("type", str, next(iter(kinds)))], module=__name__
        )
        params.__doc__ = f"As {declared.title or declared.name}'s own ticket call."
    if params is None or len(kinds) != len(forms) or first.absolute:
        return
    yield DropInTicket(
        path=first.path,
        params=params,
        methods=_methods(first),
        kinds=kinds,
        place=place,
        answer=_answering(envelope, first),
        returns=dict[str, Any],
        summary=f"Get a ticket, like {declared.title or declared.name}'s call",
    )


def _exchange(declared: Declared, envelope: Envelope, kind: str, form: ExchangeForm) -> Iterator[DropIn]:
    code = _parameter(form.fields, "{code}")
    place = place_of(form.place or declared.place)
    carried = ((place.parameter, Token),) if form.with_token and place.parameter else ()
    params = _params(declared, form, *carried)
    if params is None or not code:
        return
    inside = ".".join(filter(None, (envelope.data, form.inside)))

    def answer(found: dict[str, Any]) -> dict[str, Any]:
        values = {f"{inside}.{name}" if inside else name: value for name, value in found.items()}
        return placed({**head_of(envelope), **values})

    summary = f"Exchange a login code, like {declared.title or declared.name}'s call"
    if form.with_token:
        yield DropInTokenExchange(
            path=form.path, params=params, methods=_methods(form), kind=kind, code=code,
            place=place, answer=answer, summary=summary,
        )  # fmt: skip
        return
    account, secret = _parameter(form.fields, "{account}"), _parameter(form.fields, "{secret}")
    if account and secret:
        yield DropInExchange(
            path=form.path, params=params, methods=_methods(form), kind=kind, app=(account, secret),
            code=code, answer=answer, summary=summary,
        )  # fmt: skip
