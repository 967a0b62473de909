"""Users and grants as JSON documents for operators."""

from typing import Any, Final

from lingpai.core.issuer_records import FOREVER, GrantView
from lingpai.core.moments import moment
from lingpai.core.user_records import User
from lingpai.issuer.context import Issuer

PROFILE: Final = ("nick", "avatar", "sex", "seller_name")
"""The fields of a profile."""


def user_document(issuer: Issuer, user: User) -> dict[str, Any]:
    """Return a user as a JSON document."""
    return {
        "realm": user.realm,
        "login": user.login,
        **{name: getattr(user.profile, name) for name in PROFILE},
        "disabled": user.disabled,
        "created_at": moment(issuer.wall(user.created_at)),
    }


async def grant_document(issuer: Issuer, view: GrantView) -> dict[str, Any]:
    """Return a grant as a JSON document, never a code or token."""
    grant = view.grant
    user = await issuer.store.find_user(grant.user) if grant.user is not None else None
    return {
        "grant": grant.id,
        "realm": grant.realm,
        "kind": grant.kind.name.lower(),
        "app_id": view.app_id,
        "user": user.login if user else None,
        "machine_code": view.machine_code or None,
        "scope": grant.scope,
        "state": grant.state.name.lower() if view.usable else "unusable",
        "created_at": moment(issuer.wall(grant.created_at)),
        "ends_at": None if grant.ends_at >= FOREVER else moment(issuer.wall(grant.ends_at)),
    }
