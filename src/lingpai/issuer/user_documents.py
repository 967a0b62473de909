"""Users, terminals, grants and initial access tokens as JSON documents for operators."""

from typing import Any, Final

from lingpai.core.issuer_records import FOREVER, GrantView, Terminal
from lingpai.core.moments import moment
from lingpai.core.registration_records import InitialToken
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


async def terminal_document(issuer: Issuer, terminal: Terminal) -> dict[str, Any]:
    """Return a terminal as a JSON document, without its secret."""
    owner = await issuer.store.find_user(terminal.owner) if terminal.owner is not None else None
    bound = await issuer.store.read_app(terminal.bound_app) if terminal.bound_app is not None else None
    return {
        "realm": terminal.realm,
        "machine_code": terminal.machine_code,
        "name": terminal.name,
        "owner": owner.login if owner else None,
        "bound_to": bound.app_id if bound else None,
        "msign": bool(terminal.secret_digest),
        "created_at": moment(issuer.wall(terminal.created_at)),
    }


def initial_token_document(issuer: Issuer, token: InitialToken) -> dict[str, Any]:
    """Return an initial access token as a JSON document, without the token itself."""
    return {
        "realm": token.realm,
        "number": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "uses": token.uses,
        "created_at": moment(issuer.wall(token.created_at)),
        "ends_at": None if token.ends_at >= FOREVER else moment(issuer.wall(token.ends_at)),
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
