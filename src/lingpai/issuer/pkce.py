"""Proof Key for Code Exchange (RFC 7636)."""

import hashlib
import hmac
import re

from lingpai.core import base64url
from lingpai.core.errors import Kind, LingpaiError

_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]{43,128}\Z")
METHODS = ("S256", "plain")


def check_challenge(challenge: str, method: str, *, plain_allowed: bool = False) -> None:
    """Refuse a challenge that no verifier can match (RFC 7636 §4.2; threat A6).

    Raises:
        LingpaiError: INVALID_PKCE.
    """
    allowed = METHODS if plain_allowed else METHODS[:1]
    if method not in allowed or not _UNRESERVED.match(challenge):
        raise LingpaiError(
            Kind.INVALID_PKCE, "The code challenge or its method is not valid.", parameter="code_challenge"
        )


def check_verifier(challenge: str, method: str, verifier: str | None) -> None:
    """Refuse a verifier that is missing, does not match the challenge, or has no challenge (threats C29, C30).

    Raises:
        LingpaiError: INVALID_PKCE.
    """
    if not challenge and not verifier:
        return
    if (
        not challenge
        or not verifier
        or not _UNRESERVED.match(verifier)
        or not _fits(challenge, method, verifier)
    ):
        raise LingpaiError(Kind.INVALID_PKCE, "The code verifier does not match.", parameter="code_verifier")


def _fits(challenge: str, method: str, verifier: str) -> bool:
    made = verifier
    if method == "S256":
        made = base64url.encode(hashlib.sha256(verifier.encode("ascii")).digest())
    return hmac.compare_digest(made.encode(), challenge.encode())
