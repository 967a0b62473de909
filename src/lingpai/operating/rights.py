"""Rights of admin keys, and roles as presets of rights."""

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from lingpai.core.errors import Kind, LingpaiError

Area = Literal["keeper", "issuer", "users", "audit", "admin", "secrets"]
READ: Final = "read"
WRITE: Final = "write"
ADMIN: Final = "admin"
REVEAL: Final = "secrets:reveal"

ROLES: Final = {
    "viewer": ("keeper:read", "issuer:read"),
    "operator": ("keeper:read", "keeper:write", "issuer:read", "issuer:write"),
    "owner": (ADMIN, "audit:read", "keeper:read", "keeper:write", "issuer:read", "issuer:write", REVEAL),
}
"""Presets; `users@REALM` is one too, of a realm's users alone."""
_USERS_OF: Final = re.compile(r"users@([a-z0-9-]{1,32})")
_RIGHT: Final = re.compile(
    r"admin|secrets:reveal|audit:read|keeper:(?:read|write)|(?:issuer|users)(?:/[a-z0-9-]{1,32})?:(?:read|write)"
)


class Need(NamedTuple):
    """The right that a call needs: the area, "read" or "write", and the realm for things of one."""

    area: Area
    verb: str
    realm: str = ""

    def __str__(self) -> str:
        """Return the right as keys name it."""
        return f"{self.area}/{self.realm}:{self.verb}" if self.realm else f"{self.area}:{self.verb}"


def rights_of(role: str) -> tuple[str, ...]:
    """Return the rights of a role.

    Raises:
        LingpaiError: INVALID_PARAMETER: there is no such role.
    """
    users = _USERS_OF.fullmatch(role)
    if users is not None:
        return (f"users/{users[1]}:read", f"users/{users[1]}:write")
    if role not in ROLES:
        known = ", ".join((*ROLES, "users@REALM"))
        reason = f"There is no role {role}; known roles: {known}."
        raise LingpaiError(Kind.INVALID_PARAMETER, reason, parameter="role")
    return ROLES[role]


def is_right(text: str) -> bool:
    """Return whether a text is a right."""
    return _RIGHT.fullmatch(text) is not None


def permits(rights: Iterable[str], need: Need) -> bool:
    """Return whether one of these rights is enough. Who may write may read; `issuer` includes `users`."""
    held = frozenset(rights)
    if need.area == "admin":
        return ADMIN in held
    if need.area == "secrets":
        return REVEAL in held
    verbs = (need.verb,) if need.verb == WRITE else (READ, WRITE)
    areas = ("users", "issuer") if need.area == "users" else (need.area,)
    places = ("", f"/{need.realm}") if need.realm else ("",)
    return any(f"{area}{place}:{verb}" in held for area in areas for place in places for verb in verbs)
