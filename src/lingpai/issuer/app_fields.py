"""The fields of an app that operators set."""

from typing import Any, Final

import msgspec

from lingpai.core.fields import Fields
from lingpai.core.issuer_records import App, Client
from lingpai.core.moments import moment
from lingpai.issuer.context import Issuer


def client_document(client: Client) -> dict[str, Any]:
    """Return what an app sets itself as a JSON document: what it always has, and the rest where it differs."""
    usual = {"pkce": client.pkce, "id_token_signed_response_alg": client.id_token_signed_response_alg}
    return {**usual, **msgspec.to_builtins(client)}


FIELDS: Final = Fields(
    App,
    *("name", "mode", "redirect_uris", "domains", "networks", "grants", "scopes", "permissions", "audience"),
    *("owner", "listed", "disabled", "public", "client"),
    shown={"mode": lambda mode: mode.value, "client": client_document},
)


def app_document(issuer: Issuer, found: App) -> dict[str, Any]:
    """Return an app as a JSON document, with the number of valid secrets, never a secret."""
    return {
        "realm": found.realm,
        "app_id": found.app_id,
        **FIELDS.shown(found),
        "origin": origin_of(found),
        "secrets": sum(secret.ends_at > issuer.now() for secret in found.secrets),
        "created_at": moment(issuer.wall(found.created_at)),
    }


def origin_of(app: App) -> str:
    """Return how an app came: "operator", "document", or by registering itself with a "token" or "open" to anybody."""
    if app.documented:
        return "document"
    if app.registration is None:
        return "operator"
    return "open" if app.registration.open else "token"
