"""Sectors: apps of one sector know a user by one `sub`, and no other app by that (OpenID Connect Core §8.1)."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer
from lingpai.issuer.redirects import anybody_may_take

PAIRWISE: Final = "pairwise"
_decode = msgspec.json.Decoder(tuple[str, ...]).decode


def sector_of(app: App) -> str:
    """Return the host that is an app's sector; "" for an app whose users have the `sub` of the whole realm.

    Raises:
        LingpaiError: INVALID_CLIENT_METADATA when its redirect URIs do not have one host.
    """
    client = app.client
    if client.subject_type != PAIRWISE:
        return ""
    if client.sector_identifier_uri:
        return _host(client.sector_identifier_uri)  # `checks.check_app` has seen to it
    hosts = {"" if anybody_may_take(uri) else _host(uri) for uri in app.redirect_uris}
    if len(hosts) != 1 or hosts & {""}:
        raise _invalid("Pairwise subjects need a sector_identifier_uri, or redirect URIs of one host.")
    return hosts.pop()


async def check_subjects(issuer: Issuer, known: App, wanted: App) -> None:
    """Refuse a change of an app by which its users would get another `sub`, or none.

    Raises:
        LingpaiError: INVALID_CLIENT_METADATA, STORE_UNAVAILABLE.
    """
    if sector_of(wanted) != sector_of(known) and await issuer.store.has_members(known.id):
        raise LingpaiError(
            Kind.INVALID_CLIENT_METADATA,
            "The app has users, who would get another sub.",
            parameter="subject_type",
        )


def check_listed(document: bytes, app: App) -> None:
    """Refuse an app that has a redirect URI which its sector's document does not list.

    Raises:
        LingpaiError: INVALID_CLIENT_METADATA.
    """
    try:
        listed = _decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _invalid("The document of the sector is not a JSON array of addresses.") from error
    if not set(app.redirect_uris) <= set(listed):
        raise _invalid("The document of the sector does not list every redirect URI.")


def _host(uri: str) -> str:
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def _invalid(reason: str) -> LingpaiError:
    return LingpaiError(Kind.INVALID_CLIENT_METADATA, reason, parameter="sector_identifier_uri")
