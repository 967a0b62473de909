"""Base64url without padding (RFC 4648 §5, RFC 7515 §2)."""

from binascii import a2b_base64, b2a_base64
from typing import Final

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


def encode(raw: bytes) -> str:
    """Return bytes as base64url without padding."""
    return b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL).decode()


def decode(text: str) -> bytes:
    """Return the bytes of a text in its one spelling.

    Raises:
        ValueError: it is something else, or spelled otherwise.
    """
    raw = decode_leniently(text)
    if encode(raw) != text:  # blanks and the like, the other alphabet, or bits that no byte has
        raise ValueError("not base64url in its one spelling")
    return raw


def decode_leniently(text: str) -> bytes:
    """Return the bytes of a text of whatever spelling, for callers that compare it with the one that there is.

    Raises:
        ValueError: it is no base64.
    """
    return a2b_base64(text.encode("ascii").translate(_FROM_URL) + b"==")
