"""Claims of a user besides the profile, for `lingpai user claims`."""

from collections.abc import Iterable
from typing import Any

import msgspec
import typer

from lingpai.cli.messages import tr
from lingpai.core.user_records import Address, UserClaims

_FIXED = frozenset({"address", "updated_at"})
NAMES = (
    *(name for name in UserClaims.__struct_fields__ if name not in _FIXED),
    *("address." + name for name in Address.__struct_fields__),
)
"""Names of claims that can be set."""


def changed(claims: UserClaims, pairs: Iterable[str]) -> UserClaims:
    """Return the claims after some were set, each as NAME=VALUE; an empty value removes one.

    Raises:
        typer.BadParameter: a pair is none, or its name or value cannot be used.
    """
    fields: dict[str, Any] = msgspec.to_builtins(claims)
    address = dict(fields.get("address", {}))
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or name not in NAMES:
            known = ", ".join(NAMES)
            raise typer.BadParameter(
                tr("{pair} is not NAME=VALUE with one of these names: {known}.", pair=repr(pair), known=known)
            )
        kept = {"true": True, "false": False}.get(value, value) if name.endswith("_verified") else value
        if name.startswith("address."):
            address[name.removeprefix("address.")] = kept
        else:
            fields[name] = kept
    fields = {name: value for name, value in fields.items() if value != ""} | {"address": address}
    try:
        return msgspec.convert(fields, UserClaims)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(tr("A claim that ends in _verified is true or false.")) from error


def shown(claims: UserClaims) -> list[tuple[str, str]]:
    """List the claims of a user by name, for a terminal."""
    fields = msgspec.to_builtins(claims)
    fields.pop("updated_at", None)
    flat = fields | {"address." + name: text for name, text in fields.pop("address", {}).items()}
    return [(name, str(value)) for name, value in flat.items()]
