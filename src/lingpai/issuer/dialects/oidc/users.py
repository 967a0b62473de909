"""Users as standard clients know them (OpenID Connect Core §5.1)."""

from collections.abc import Mapping
from typing import Any, Final

from lingpai.core.issuer_records import User

_GENDERS: Final[Mapping[str, str]] = {"1": "male", "2": "female"}


def profile_claims(user: User) -> dict[str, Any]:
    """The claims of the scope `profile`; those that nothing is known of are left out."""
    profile = user.profile
    found = {
        "name": profile.nick,
        "nickname": profile.nick,
        "preferred_username": user.login,
        "picture": profile.avatar,
        "gender": _GENDERS.get(profile.sex, ""),
    }
    return {name: value for name, value in found.items() if value}
