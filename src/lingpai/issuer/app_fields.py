"""The fields of an app that operators set."""

from typing import Final

from lingpai.core.fields import Fields
from lingpai.core.issuer_records import App

FIELDS: Final = Fields(
    App,
    *("name", "mode", "redirect_uris", "domains", "networks", "grants", "scopes", "permissions", "audience"),
    *("owner", "listed", "disabled", "public", "client"),
)
