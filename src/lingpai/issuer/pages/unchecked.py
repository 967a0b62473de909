"""What users read about apps that nobody here has checked (threats L111, L119)."""

from typing import NamedTuple
from urllib.parse import urlsplit

from lingpai.core.issuer_records import App


class Unchecked(NamedTuple):
    """How an app came that describes itself.

    Attributes:
        word: of the pages' words: "document" or "registered".
        host: of the document, or "".
    """

    word: str
    host: str = ""


def unchecked(app: App) -> Unchecked | None:
    """Return what a page says of an app, None when an operator answers for it."""
    if app.documented:
        return Unchecked("document", urlsplit(app.app_id).hostname or "")
    return Unchecked("registered") if app.registration is not None else None
