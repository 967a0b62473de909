"""Base64url without padding (RFC 4648 §5, RFC 7515 §2)."""

import base64


def encode(raw: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Return the bytes of a text in its one spelling.

    Raises:
        ValueError: it is something else, or spelled otherwise.
    """
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encode(raw) != text:  # bits that no byte has
        raise ValueError("not base64url in its one spelling")
    return raw
