"""Checks of a description beyond its form: places that nothing fills, names that do not exist, missing parts."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from lingpai.keeper.forwarding.paths import is_pattern
from lingpai.keeper.platforms.declared.building import error_names
from lingpai.keeper.platforms.declared.call_forms import (
    CallForm,
    ExchangeForm,
    Fields,
    Place,
    ProbeForm,
    RenewedForm,
    TicketForm,
    TokenForm,
)
from lingpai.keeper.platforms.declared.locating import nearest
from lingpai.keeper.platforms.declared.schema import Declared, Name
from lingpai.keeper.platforms.declared.templates import STAMPS, places_in
from lingpai.keeper.platforms.platform import ACCESS_TOKEN

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_SIGNED = ("ticket", "nonce", "timestamp", "url")


class Fault(NamedTuple):
    """A problem: the path of a value, and what is wrong with it."""

    path: tuple[str, ...]
    problem: str


def faults_of(declared: Declared) -> Iterator[Fault]:
    """Yield every problem of a description whose form is right."""
    if not _NAME.fullmatch(declared.name):
        yield Fault(
            ("name",),
            f"{declared.name!r} is no name: lower-case letters, digits and _, beginning with a letter",
        )
    yield from _addresses(declared)
    yield from _account(declared)
    yield from _calls(declared)
    yield from _errors(declared)
    yield from _signatures(declared)
    yield from _forwarding(declared)
    yield from _sandbox(declared)


def _addresses(declared: Declared) -> Iterator[Fault]:
    for path, url in (
        (("base_url",), declared.base_url),
        *((("addresses", name), url) for name, url in declared.addresses.items()),
    ):
        parts = urlsplit(url)
        if url and (
            parts.scheme not in ("http", "https") or not parts.hostname or parts.query or url.endswith("/")
        ):
            yield Fault(path, "must be an http or https address without a slash at its end")
    for name in declared.addresses:
        if not _NAME.fullmatch(name):
            yield Fault(("addresses", name), "is no name: lower-case letters, digits and _")


def _account(declared: Declared) -> Iterator[Fault]:
    try:
        re.compile(declared.account.form)
    except re.error as error:
        yield Fault(("account", "form"), f"is no regular expression: {error}")
    for name in declared.account.secrets:
        if not _NAME.fullmatch(name):
            yield Fault(("account", "secrets"), f"{name!r} is no name: lower-case letters, digits and _")


class _Call(NamedTuple):
    path: tuple[str, ...]
    form: CallForm
    places: tuple[str, ...]


def _secrets(declared: Declared) -> tuple[str, ...]:
    named = tuple(f"secret.{name}" for name in declared.account.secrets)
    return ("account", *(named or ("secret",)))


def _token_calls(declared: Declared) -> Iterator[tuple[tuple[str, ...], TokenForm]]:
    if declared.token is not None:
        yield ("token",), declared.token
    for group in ("modes", "tokens"):
        for name, form in getattr(declared, group).items():
            yield (group, name), form


def _all_calls(declared: Declared) -> Iterator[_Call]:
    known = _secrets(declared)
    for path, form in _token_calls(declared):
        taken: tuple[str, ...] = ()
        for number, step in enumerate(form.steps):
            yield _Call((*path, "steps", str(number)), step, (*known, *taken))
            taken += tuple(f"step.{name}" for name in step.take)
        yield _Call(path, form, (*known, *taken))
    for name, ticket in declared.tickets.items():
        yield _Call(("tickets", name), ticket, ("account", "token"))
        if ticket.probe is not None:
            yield _Call(("tickets", name, "probe"), ticket.probe, ("account", "token"))
    for name, exchange in declared.exchanges.items():
        places = ("account", "code") if exchange.with_token else (*known, "code")
        yield _Call(("exchanges", name), exchange, places)
    if declared.probe is not None:
        yield _Call(("probe",), declared.probe, ("account", "token"))


def _calls(declared: Declared) -> Iterator[Fault]:
    if declared.token is None and not declared.modes:
        yield Fault((), "there is no [token], and no [modes.NAME]")
    if declared.token is not None and declared.modes:
        yield Fault(("modes",), "give [token] or [modes.NAME], not both")
    for call in _all_calls(declared):
        yield from _call(declared, call)
    yield from _fields(("stamp",), declared.stamp, STAMPS)
    for path, form in _token_calls(declared):
        yield from _fields((*path, "forced"), form.forced, _secrets(declared))
    for name, exchange in declared.exchanges.items():
        places = [place for _, place in places_in(exchange.fields)]
        if places.count("code") != 1:
            yield Fault(("exchanges", name, "fields"), "one of the fields must be {code}")
        if exchange.kind != ACCESS_TOKEN and exchange.kind not in declared.tokens:
            yield Fault(("exchanges", name, "kind"), _unknown("token", exchange.kind, declared.tokens))
        if not exchange.required and not exchange.optional:
            yield Fault(
                ("exchanges", name), "there is neither `required` nor `optional`, so no answer is passed on"
            )
    yield from _places(declared)


def _call(declared: Declared, call: _Call) -> Iterator[Fault]:
    if not call.form.path.startswith("/") or "?" in call.form.path or "#" in call.form.path:
        yield Fault((*call.path, "path"), "must begin with a slash, and have no query: use `fields`")
    if call.form.at and call.form.at not in declared.addresses:
        yield Fault((*call.path, "at"), _unknown("address", call.form.at, declared.addresses))
    yield from _fields((*call.path, "fields"), call.form.fields, call.places)
    if isinstance(call.form, RenewedForm):
        if call.form.overlap < 0 or call.form.apart < 0 or (call.form.renew_left or 0) < 0:
            yield Fault(call.path, "overlap, renew_left and apart are seconds, 0 or more")
        for number, limit in enumerate(call.form.limits):
            if limit.calls < 1:
                yield Fault((*call.path, "limits", str(number), "calls"), "must be 1 or more")


def _fields(path: tuple[str, ...], fields: Fields, known: Iterable[str]) -> Iterator[Fault]:
    listed = tuple(known)
    for field, place in places_in(fields):
        if place not in listed:
            shown = ", ".join(f"{{{each}}}" for each in listed)
            yield Fault((*path, field), f"nothing fills {{{place}}}{nearest(place, listed)}; known: {shown}")


def _places(declared: Declared) -> Iterator[Fault]:
    for path, place in _all_places(declared):
        if bool(place.query) == bool(place.header):
            yield Fault(path, "a token goes into `query` or `header`, into one of them")
        if place.header and not _HEADER.fullmatch(place.header):
            yield Fault((*path, "header"), f"{place.header!r} is no name of a header")


def _all_places(declared: Declared) -> Iterator[tuple[tuple[str, ...], Place]]:
    yield ("place",), declared.place
    own: list[tuple[tuple[str, ...], ProbeForm | TicketForm | ExchangeForm]] = []
    if declared.probe is not None:
        own.append((("probe",), declared.probe))
    for group in ("tickets", "exchanges"):
        own += [((group, name), form) for name, form in getattr(declared, group).items()]
    for path, form in own:
        if form.place is not None:
            yield (*path, "place"), form.place
    if declared.forwarding is not None:
        for number, each in enumerate(declared.forwarding.paths):
            if each.place is not None:
                yield ("forwarding", "paths", str(number), "place"), each.place


def _errors(declared: Declared) -> Iterator[Fault]:
    errors, seen = declared.errors, dict[Name, str]()
    for group in ("transient", "permanent", "caller", "dead"):
        for each in getattr(errors, group):
            yield from _error(declared, ("errors", group), each)
            if each in seen:
                yield Fault(("errors", group), f"{each!r} is in `{seen[each]}` as well")
            seen[each] = group
    for group in ("waits", "remedies"):
        for key in getattr(errors, group):
            if not _NUMBER.fullmatch(key):
                yield from _error(declared, ("errors", group, key), key)
    for key, wait in errors.waits.items():
        if isinstance(wait, int | float) and wait < 0:
            yield Fault(("errors", "waits", key), "seconds, 0 or more")


def _error(declared: Declared, path: tuple[str, ...], each: Name) -> Iterator[Fault]:
    names = error_names(declared)
    if isinstance(each, str) and each not in names:
        yield Fault(path, f"{_unknown('error', each, names)}; [answer.names] gives each name a number")


def _signatures(declared: Declared) -> Iterator[Fault]:
    form = declared.signatures
    if form is None:
        return
    for kind, ticket in form.kinds.items():
        if ticket not in declared.tickets:
            yield Fault(("signatures", "kinds", kind), _unknown("ticket", ticket, declared.tickets))
    yield from _fields(("signatures",), {"text": form.text}, _SIGNED)


def _forwarding(declared: Declared) -> Iterator[Fault]:
    form = declared.forwarding
    if form is None:
        return
    if not form.paths:
        yield Fault(("forwarding", "paths"), "there are none")
    for number, each in enumerate(form.paths):
        path = ("forwarding", "paths", str(number))
        if not each.prefix.startswith("/") or not each.prefix.endswith("/") or "//" in each.prefix:
            yield Fault((*path, "prefix"), "must begin and end with a slash")
        if each.at and each.at not in declared.addresses:
            yield Fault((*path, "at"), _unknown("address", each.at, declared.addresses))
    for pattern in form.never:
        if not is_pattern(pattern) or pattern != pattern.lower():
            yield Fault(("forwarding", "never"), f"{pattern!r} is no pattern of paths, in lower case")
    for group in ("refused", "busy"):
        yield from _error(declared, ("forwarding", group), getattr(form, group))


def _sandbox(declared: Declared) -> Iterator[Fault]:
    wanted = set(declared.account.secrets)
    for account, secret in declared.sandbox.items():
        given = set(secret) if isinstance(secret, dict) else set()
        if isinstance(secret, str) == bool(wanted) or given != wanted:
            shown = f"a table of {', '.join(declared.account.secrets)}" if wanted else "a text"
            yield Fault(("sandbox", account), f"the secret of an account is {shown}")
        if declared.account.form and not re.fullmatch(declared.account.form, account):
            yield Fault(("sandbox", account), "does not fit account.form")


def _unknown(noun: str, name: str, known: Iterable[str]) -> str:
    listed = list(known)
    return f"there is no {noun} {name}{nearest(name, listed)}"
