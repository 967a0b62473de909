"""Versions of what apps say of themselves: consent to one is no consent to another.

A user who allowed an app something saw its name, and trusted whoever has its redirect URIs and keys. Operators answer
for the apps that they add. An app that describes itself may change all of that, so what the user consented to has its
version in it, and they are asked again when it is another (threat L119).
"""

from typing import Final

import msgspec

from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer

VERSION: Final = "version:"
"""What the version of an app comes after, in the scope that a user allowed it. No client knows what follows."""
_DIGITS: Final = 22

_encode = msgspec.json.Encoder(order="deterministic").encode


def version_of(issuer: Issuer, app: App) -> str:
    """Return a word for the name, redirect URIs and keys of an app that describes itself; "" for any other."""
    if not app.describes_itself:
        return ""
    client = app.client
    said = (
        *(app.app_id, app.name, sorted(app.redirect_uris), app.public),
        *(client.token_endpoint_auth_method, client.jwks, client.jwks_uri),
    )
    return VERSION + issuer.digest_of("version of an app", _encode(said).decode()).hex()[:_DIGITS]


def without_versions(words: list[str]) -> list[str]:
    """Return the words of a scope that are no version."""
    return [word for word in words if not word.startswith(VERSION)]
