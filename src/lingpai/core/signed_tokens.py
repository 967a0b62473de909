"""Signed JSON Web Tokens in compact form (RFC 7515 §7.1, RFC 7519), read and not yet verified."""

import binascii
import math
from typing import Any, Final, NamedTuple

import msgspec

from lingpai.core import base64url

MAX_LENGTH: Final = 8192
"""Characters of a token that is read."""
MAX_JTI: Final = 256
"""Characters of a token's id."""

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class SignedToken(NamedTuple):
    """A token as it was read; nothing of it is verified yet.

    Attributes:
        header: the protected header.
        claims: the payload.
        signed: the bytes that the signature is for.
        signature: as given.
    """

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    @property
    def alg(self) -> str:
        """The algorithm that the header names, "" when it names none."""
        alg = self.header.get("alg")
        return alg if isinstance(alg, str) else ""

    @property
    def jti(self) -> str | None:
        """The token's id, None when it has none that can be used."""
        jti = self.claims.get("jti")
        return jti if isinstance(jti, str) and 0 < len(jti) <= MAX_JTI else None

    def moment(self, claim: str, default: float | None = None) -> float | None:
        """Return a time in unix seconds (RFC 7519 §2, NumericDate).

        Args:
            claim: its name.
            default: returned when there is no such claim.

        Returns:
            None for a claim that is no finite number.
        """
        value = self.claims.get(claim, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            moment = float(value)
        except OverflowError:
            return None
        return moment if math.isfinite(moment) else None


def read_compact(token: str) -> SignedToken | None:
    """Read a token; None when it is not one, or has a `crit`, of which nothing is understood (RFC 7515 §4.1.11)."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_LENGTH:  # noqa: PLR2004  header, claims, signature
        return None
    try:
        header, claims, signature = (base64url.decode(part) for part in parts)
        found = SignedToken(
            _decode_object(header), _decode_object(claims), token.rpartition(".")[0].encode(), signature
        )
    except (ValueError, RecursionError, binascii.Error, msgspec.MsgspecError):
        return None
    return None if "crit" in found.header else found
