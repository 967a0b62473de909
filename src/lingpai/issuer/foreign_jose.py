"""Public keys of others, by which `joserfc` verifies their JSON Web Tokens, with a list of allowed algorithms.

What comes back is only ever verified by an algorithm that fits its key (RFC 8725 §3.1, §3.2). `none` and the algorithms
of shared keys are on no list, and nothing that a header points to (`jku`, `x5u`, `jwk`) is followed here.
"""

from collections.abc import Mapping
from typing import Any, Final

from lingpai.core.signed_tokens import SignedToken

ALGORITHMS: Final = ("ES256", "EdDSA", "PS256", "RS256")
"""Signatures of foreign tokens that are understood here."""
MAX_KEYS: Final = 32
"""Keys of one set that are looked at."""
_RSA_BITS: Final = range(2048, 4097)
"""RFC 7518 §3.3 demands 2048; verifying longer ones would cost a stranger's wish of our time."""
_CURVES: Final[Mapping[str, tuple[str, str]]] = {"ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
_RSA: Final = ("PS256", "RS256")
_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class PublicKey:
    """A public key of somebody else.

    Args:
        jwk: as a JSON Web Key (RFC 7517).

    Raises:
        ValueError: it is private, shared, malformed, too short or too long, or of a kind that is not understood here.
    """

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        # Not needed by who has no such clients.
        from joserfc.errors import JoseError  # noqa: PLC0415
        from joserfc.jwk import ECKey, OKPKey, RSAKey  # noqa: PLC0415

        kinds: dict[object, Any] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
        kty, crv = jwk.get("kty"), jwk.get("crv")
        kind = kinds.get(kty) if isinstance(kty, str) else None
        if kind is None or any(name in jwk for name in _PRIVATE):
            raise ValueError("not the public key of a signature")
        self.algorithms = tuple(alg for alg, fits in _CURVES.items() if fits == (kty, crv))
        if kty == "RSA":
            self.algorithms = _RSA
        if not self.algorithms:
            raise ValueError("not a curve that is understood here")
        given = {name: value for name, value in jwk.items() if name in {"kty", "crv", "x", "y", "n", "e"}}
        if kty == "RSA" and len(str(given.get("n"))) * 6 // 8 * 8 < min(_RSA_BITS) - 16:
            raise ValueError("an RSA key needs 2048 bits at least")  # before joserfc warns of it
        try:
            self._key = kind.import_key(given)
            bits = self._key.public_key.key_size if kty == "RSA" else min(_RSA_BITS)
            self.thumbprint: str = self._key.thumbprint()
        except (JoseError, TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise ValueError("not a public key") from error
        if bits not in _RSA_BITS:
            raise ValueError("an RSA key needs 2048 to 4096 bits")
        self.kid = jwk.get("kid")
        self._alg = jwk.get("alg")
        self._use = jwk.get("use", "sig")

    def fits(self, token: SignedToken) -> bool:
        """Return whether the token says that it was signed with such a key, and with this one if it names one."""
        kid = token.header.get("kid")
        return (
            token.alg in self.algorithms
            and self._alg in {None, token.alg}
            and self._use == "sig"
            and (kid is None or self.kid is None or kid == self.kid)
        )

    def signed(self, token: SignedToken) -> bool:
        """Return whether this key made the token's signature, by the algorithm that its header names."""
        from joserfc.jws import JWSRegistry  # noqa: PLC0415

        if token.alg not in self.algorithms:
            return False
        return bool(JWSRegistry.algorithms[token.alg].verify(token.signed, token.signature, self._key))


def has_private_keys(document: Mapping[str, Any]) -> bool:
    """Return whether a JSON Web Key Set has a private or a shared key, which nobody publishes on purpose."""
    listed = document.get("keys")
    keys = [jwk for jwk in listed if isinstance(jwk, dict)] if isinstance(listed, list) else []
    return any(name in jwk for jwk in keys for name in _PRIVATE)


def read_keys(document: Mapping[str, Any] | None) -> tuple[PublicKey, ...]:
    """Return the usable keys of a JSON Web Key Set; what is not understood is left out (RFC 7517 §5)."""
    listed = document.get("keys") if document is not None else None
    found = []
    for jwk in listed[:MAX_KEYS] if isinstance(listed, list) else ():
        try:
            found.append(PublicKey(jwk if isinstance(jwk, dict) else {}))
        except ValueError:
            continue
    return tuple(found)
