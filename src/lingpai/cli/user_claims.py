"""Claims of a user besides the profile, for `lingpai user claims`."""

from collections.abc import Iterable, Mapping
from typing import Any

import typer

from lingpai.core.user_records import Address, UserClaims
from lingpai.messages.translating import tr

_FIXED = frozenset({"address", "updated_at"})
_SWITCH: dict[str, bool | None] = {"true": True, "false": False, "": None}
NAMES = (
    *(name for name in UserClaims.__struct_fields__ if name not in _FIXED),
    *("address." + name for name in Address.__struct_fields__),
)
"""Names of claims that can be set."""


def patch_of(pairs: Iterable[str]) -> dict[str, Any]:
    """Return the merge patch that sets claims, each given as NAME=VALUE; an empty value removes one.

    Raises:
        typer.BadParameter: a pair is none, or its name or value cannot be used.
    """
    patch: dict[str, Any] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or name not in NAMES:
            known = ", ".join(NAMES)
            raise typer.BadParameter(
                tr("{pair} is not NAME=VALUE with one of these names: {known}.", pair=repr(pair), known=known)
            )
        if name.endswith("_verified") and value not in _SWITCH:
            raise typer.BadParameter(tr("A claim that ends in _verified is true or false."))
        kept = _SWITCH[value] if name.endswith("_verified") else value or None
        if name.startswith("address."):
            patch.setdefault("address", {})[name.removeprefix("address.")] = kept
        else:
            patch[name] = kept
    return patch


def shown(claims: Mapping[str, Any]) -> list[tuple[str, str]]:
    """List the claims of a user by name, for a terminal."""
    fields = {name: value for name, value in claims.items() if name != "updated_at"}
    flat = fields | {"address." + name: text for name, text in fields.pop("address", {}).items()}
    return [(name, str(value)) for name, value in flat.items()]
