"""Caller keys as texts."""

import secrets
from typing import Final

KEY_PREFIX: Final = "lpk_"
"""Caller keys begin with this: people and leak scanners see that they are no app secrets."""
KEY_RANDOM_BYTES: Final = 32


def new_key() -> str:
    """Return a new random caller key."""
    return KEY_PREFIX + secrets.token_urlsafe(KEY_RANDOM_BYTES)
