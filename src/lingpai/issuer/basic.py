"""The client's credentials in an `Authorization: Basic` header (RFC 6749 §2.3.1, RFC 7617; threat D37)."""

import base64
import binascii
from typing import NamedTuple
from urllib.parse import unquote_plus

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call

_MAX_ID, _MAX_SECRET = 64, 512
"""Characters of what is decoded; no app has longer ones, and what is counted by name must not grow with them."""


class Credentials(NamedTuple):
    """An app's public id and its secret, from the header.

    RFC 6749 form-encodes both before they are joined, but many clients join them unencoded (RFC 7617). So each has
    one reading, or two when it contains `+` or `%`.

    Attributes:
        app_ids: the readings of the id, form-decoded first.
        secrets: the readings of the secret.
    """

    app_ids: tuple[str, ...]
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"Credentials({self.app_ids!r})"


def basic_credentials(call: Call) -> Credentials | None:
    """Return the pair of the header; None when it is of another scheme.

    Raises:
        LingpaiError: INVALID_CLIENT when it is not base64 of UTF-8 with a colon.
    """
    scheme, _, encoded = (call.header("authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    found = _decoded(encoded.strip())
    if found is not None:
        app_ids, secrets = _readings(found[0], _MAX_ID), _readings(found[1], _MAX_SECRET)
        if app_ids and secrets:
            return Credentials(app_ids, secrets)
    raise LingpaiError(
        Kind.INVALID_CLIENT, "The Basic credentials cannot be read.", parameter="authorization"
    )


def _decoded(encoded: str) -> tuple[str, str] | None:
    try:
        app_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):  # UnicodeDecodeError is a ValueError
        return None
    return (app_id, secret) if colon else None


def _readings(given: str, most: int) -> tuple[str, ...]:
    """The readings that have at most so many characters: form-encoding makes twelve of one."""
    try:
        readings: tuple[str, ...] = (unquote_plus(given, errors="strict"), given)
    except UnicodeDecodeError:  # so the value is not form-encoded
        readings = (given,)
    return tuple(reading for reading in dict.fromkeys(readings) if len(reading) <= most)
