"""Users as standard clients know them (OpenID Connect Core §5.1)."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from lingpai.core.user_records import User
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.policy import CLAIMS, SCOPE_OF

_GENDERS: Final[Mapping[str, str]] = {"1": "male", "2": "female"}
_FROM_PROFILE: Final = frozenset({"name", "nickname", "preferred_username", "picture", "gender"})


def names_of(scope: str | None) -> list[str]:
    """The claims of a scope's words."""
    return [name for word in (scope or "").split() for name in CLAIMS.get(word, ())]


async def claims_of(issuer: Issuer, user: int, names: Collection[str]) -> dict[str, Any] | None:
    """These claims of a user, without those that nothing is known of; None when the user is gone.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    found: dict[str, Any] = {}
    if not _FROM_PROFILE.isdisjoint(names):
        known = await issuer.store.find_user(user)
        if known is None:
            return None
        found = _profile(known)
    if not _FROM_PROFILE.issuperset(names):
        more = await issuer.store.find_claims(user)
        if more is None:
            return None
        found |= msgspec.to_builtins(more)
        if "updated_at" in found:
            found["updated_at"] = issuer.wall(found["updated_at"])
        for verified in ("email_verified", "phone_number_verified"):
            if verified.removesuffix("_verified") in found:
                found.setdefault(verified, False)
    return {name: found[name] for name in SCOPE_OF if name in names and found.get(name, "") != ""}


def _profile(user: User) -> dict[str, Any]:
    profile = user.profile
    return {
        "name": profile.nick,
        "nickname": profile.nick,
        "preferred_username": user.login,
        "picture": profile.avatar,
        "gender": _GENDERS.get(profile.sex, ""),
    }
