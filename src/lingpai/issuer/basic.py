"""The client's credentials in an `Authorization: Basic` header (RFC 6749 §2.3.1, RFC 7617; attacks D37)."""

import base64
import binascii
from typing import NamedTuple
from urllib.parse import unquote_plus

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call


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
    try:
        app_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        if colon:
            return Credentials(unquote_plus(app_id, errors="strict"), unquote_plus(secret, errors="strict"))
    except (binascii.Error, ValueError):  # UnicodeDecodeError is a ValueError
        pass
    raise LingpaiError(
        Kind.INVALID_CLIENT, "The Basic credentials cannot be read.", parameter="authorization"
    )
