"""Pages that an app has about itself: its home page, terms and privacy policy (OpenID Connect Registration §2).

They are links that a user may follow. Nothing of an app's is loaded by our pages: its server would learn who is about
to log in, and a picture could show another app's name. So an app's `logo_uri` is not shown.
"""

from collections.abc import Mapping
from typing import Final

from lingpai.core.issuer_records import App

_SCHEMES: Final = ("https://", "http://")
_FIELDS: Final[Mapping[str, str]] = {
    "home": "client_uri",
    "terms": "tos_uri",
    "privacy": "policy_uri",
}


def links_of(app: App | None) -> dict[str, str]:
    """Return the addresses of an app's pages by the names of the catalogues' `app_links`; none without an app."""
    if app is None:
        return {}
    found = {name: getattr(app.client, field) for name, field in _FIELDS.items()}
    return {name: address for name, address in found.items() if address.startswith(_SCHEMES)}
