"""The client's credentials in an `Authorization: Basic` header (RFC 6749 §2.3.1, RFC 7617; attacks D37)."""

import base64
import binascii
from typing import NamedTuple
from urllib.parse import unquote_plus

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call

_MAX_ID, _MAX_SECRET = 64, 512
"""Characters; no app has longer ones, and what is counted by name must not grow with them."""


class Credentials(NamedTuple):
    """An app's public id and its secret, as given."""

    app_id: str
    secret: str

    def __repr__(self) -> str:
        """Never shows the secret."""
        return f"Credentials({self.app_id!r})"


def basic_credentials(call: Call) -> Credentials | None:
    """The pair of the header, each half form-decoded as RFC 6749 has it encoded; None when it is of another scheme.

    Raises:
        LingpaiError: INVALID_CLIENT when it is not base64 of UTF-8 with a colon.
    """
    scheme, _, encoded = (call.header("authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    found = _decoded(encoded.strip())
    if found is not None and len(found.app_id) <= _MAX_ID and len(found.secret) <= _MAX_SECRET:
        return found
    raise LingpaiError(
        Kind.INVALID_CLIENT, "The Basic credentials cannot be read.", parameter="authorization"
    )


def _decoded(encoded: str) -> Credentials | None:
    try:
        app_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        halves = [unquote_plus(half, errors="strict") for half in (app_id, secret)]
    except (binascii.Error, ValueError):  # UnicodeDecodeError is a ValueError
        return None
    return Credentials(*halves) if colon else None
