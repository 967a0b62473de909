"""A `Platform` of its description."""

import json
import re
from collections.abc import Mapping
from typing import Final

from lingpai.keeper.platforms.declared.call_building import (
    exchange_call,
    place_of,
    probe_call,
    ticket_call,
    token_call,
)
from lingpai.keeper.platforms.declared.schema import Answer, Declared, Name
from lingpai.keeper.platforms.declared.templates import stamped
from lingpai.keeper.platforms.forms import Body, Envelope, SignRecipe, without_fragment, without_query
from lingpai.keeper.platforms.forwarding import NEVER, Forwarding
from lingpai.keeper.platforms.platform import UNTIL_MIDNIGHT, Fault, Platform, Severity

_PAGES: Final = {"without_fragment": without_fragment, "without_query": without_query}
_NO_NUMBER: Final = -1


def platform_of(declared: Declared, base_url: str, addresses: Mapping[str, str]) -> Platform:
    """Return the platform.

    Args:
        declared: its description, checked.
        base_url: where it is.
        addresses: where its further addresses are, by name.
    """
    modes = declared.modes or ({"": declared.token} if declared.token is not None else {})
    stamp = declared.stamp
    signatures = declared.signatures
    return Platform(
        name=declared.name,
        base_url=base_url,
        modes={name: token_call(each) for name, each in modes.items()},
        tokens={name: token_call(each) for name, each in declared.tokens.items()},
        tickets={name: ticket_call(declared.place, each) for name, each in declared.tickets.items()},
        exchanges={name: exchange_call(declared.place, each) for name, each in declared.exchanges.items()},
        sign_kinds={} if signatures is None else signatures.kinds,
        probe=None if declared.probe is None else probe_call(declared.place, declared.probe),
        faults=_faults(declared),
        one_secret=declared.account.one_secret,
        envelope=_envelope(declared.answer),
        body=Body(declared.body),
        stamp=(lambda account, secret, now: stamped(stamp, account, secret, now)) if stamp else None,
        recipe=SignRecipe()
        if signatures is None
        else SignRecipe(
            signatures.text, _PAGES[signatures.page], signatures.hash, milliseconds=signatures.unit == "ms"
        ),
        forwarding=_forwarding(declared),
        account_form=declared.account.form,
        addresses=addresses,
        checks_address=declared.checks_address,
    )


def number_of(declared: Declared, error: Name) -> int:
    """Return the number of an error that is named or numbered; names without one are refused by the checks."""
    return error if isinstance(error, int) else error_names(declared).get(error, _NO_NUMBER)


def error_names(declared: Declared) -> dict[str, int]:
    """Return the numbers of all names of errors."""
    also = declared.answer.also
    return {**declared.answer.names, **({} if also is None else also.names)}


def key_number(declared: Declared, key: str) -> int:
    """Return the number of an error that is the name of a value: TOML's names are texts."""
    return int(key) if re.fullmatch(r"-?[0-9]{1,9}", key) else number_of(declared, key)


def _envelope(answer: Answer) -> Envelope:
    return Envelope(
        code=answer.code,
        message=answer.message,
        success=answer.success,
        may_lack=answer.may_lack,
        data=answer.data,
        names=answer.names,
        any_status=answer.any_status,
        also=None if answer.also is None else _envelope(answer.also),
    )


def _faults(declared: Declared) -> dict[int, Fault]:
    errors = declared.errors
    waits = {
        key_number(declared, key): UNTIL_MIDNIGHT if wait == "midnight" else float(wait)
        for key, wait in errors.waits.items()
    }
    found: dict[int, Fault] = {}
    for severity, listed in (
        (Severity.TRANSIENT, errors.transient),
        (Severity.PERMANENT, errors.permanent),
        (Severity.CALLER, errors.caller),
        (Severity.DEAD_TOKEN, errors.dead),
    ):
        for each in listed:
            number = number_of(declared, each)
            found[number] = Fault(severity, waits.get(number, 0.0))
    return found


def _forwarding(declared: Declared) -> Forwarding | None:
    form = declared.forwarding
    if form is None:
        return None
    calls = (*declared.modes.values(), *declared.tokens.values(), *declared.tickets.values(), declared.token)
    own = {each.path.lower().rstrip("/") for each in calls if each is not None}
    return Forwarding(
        prefixes=tuple(each.prefix for each in form.paths),
        place=place_of(declared.place),
        places={each.prefix: place_of(each.place) for each in form.paths if each.place is not None},
        at={each.prefix: each.at for each in form.paths if each.at},
        dead=frozenset(number_of(declared, each) for each in declared.errors.dead),
        never=(*NEVER, *sorted(own), *form.never),
        refused=number_of(declared, form.refused),
        busy=number_of(declared, form.busy),
        often=number_of(declared, form.busy),
    )


def with_base_url(declared: Declared, base_url: str, given: Mapping[str, str | None]) -> Platform:
    """Return the platform at the addresses that an operator set.

    Where only `base_url` differs from the usual one, the further addresses are there too: a sandbox, or a proxy of the
    operator's, is one host.
    """
    moved = base_url if base_url != declared.base_url else ""
    addresses = {name: given.get(name) or moved or usual for name, usual in declared.addresses.items()}
    return platform_of(declared, base_url, addresses)


def sample_secret(secret: str | Mapping[str, str]) -> str:
    """Return the secret of a sample account as accounts have it."""
    return secret if isinstance(secret, str) else json.dumps(secret, separators=(",", ":"))
