"""The sample's app in each dialect, and its redirect URIs."""

from collections.abc import Mapping

import msgspec

from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.samples import SignIn


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The sample's app in one realm.

    Attributes:
        realm: the realm's name.
        prefix: the path before the realm's paths.
        app_id: the app's public id (client_id).
        secret: the app's secret.
        sign_in: how it signs users in.
        views: id and secret of the apps of its further pages, by their names.
    """

    realm: str
    prefix: str
    app_id: str
    secret: str
    sign_in: SignIn
    views: Mapping[str, tuple[str, str]] = {}


Identities = Mapping[str, Identity]
"""By dialect; a disabled dialect has none."""


def callback(url: str, dialect: str) -> str:
    """Return the redirect URI of a dialect, with the sample at `url`."""
    return f"{url}/{dialect}/callback"


def address_of(url: str, dialect: str, view: str) -> str:
    """Return the address of a further page of a dialect, with the sample at `url`."""
    return f"{url}/{dialect}/{view}"


async def allow_callbacks(issuers: Mapping[str, Issuer], identities: Identities, url: str) -> None:
    """Register the sample's redirect URIs with its apps, and remove those of earlier starts.

    Args:
        issuers: by the realms' names.
        identities: the sample's apps.
        url: base URL of the sample at this start.
    """
    for dialect, identity in identities.items():
        issuer = issuers[identity.realm]
        await _allow(issuer, identity.app_id, callback(url, dialect), callback("", dialect))
        for view in identity.sign_in.views:
            if view.redirects:
                app_id, _ = identity.views[view.name]
                await _allow(
                    issuer, app_id, address_of(url, dialect, view.name), address_of("", dialect, view.name)
                )


async def _allow(issuer: Issuer, app_id: str, wanted: str, ending: str) -> None:
    """Register a redirect URI in place of those with the same path; an app that has none gets none."""
    app = await issuer.store.find_app(issuer.realm, app_id)
    if app is None or not app.redirect_uris:
        return
    others = tuple(uri for uri in app.redirect_uris if not uri.endswith(ending))
    await admin.change_app(issuer, app, redirect_uris=(*others, wanted))
