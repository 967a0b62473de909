"""JSON Web Keys, Tokens and signatures of our own making (RFC 7515, 7517, 7518, 7519, 7638), by `cryptography`.

Only what we sign comes back here to be read, so the algorithm is that of the key that the header names, whatever the
header says.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from lingpai.core import base64url
from lingpai.core.signed_tokens import read_compact

ES256: Final = "ES256"
RS256: Final = "RS256"
ALGORITHMS: Final = (RS256, ES256)
"""Every realm has keys for these; OpenID Connect Core §15.1 demands the first."""
JWT: Final = "JWT"
ACCESS_TOKEN: Final = "at+jwt"  # noqa: S105  a type (RFC 9068 §2.1)
LOGOUT_TOKEN: Final = "logout+jwt"  # noqa: S105  a type (OpenID Connect Back-Channel Logout 1.0 §2.4)

_RSA_BITS: Final = 2048
_HALF: Final = 32
"""Bytes of either number of an ES256 signature (RFC 7518 §3.4)."""

_ES256: Final = ec.ECDSA(hashes.SHA256())
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_encode = msgspec.json.Encoder().encode


class Made(NamedTuple):
    """A new pair of keys.

    Attributes:
        kid: its thumbprint (RFC 7638).
        public: the public half as a JSON Web Key.
        private: the private half in PEM (PKCS #8).
    """

    kid: str
    public: str
    private: str

    def __repr__(self) -> str:
        """Never shows the private half."""
        return f"Made({self.kid})"


def make_key(alg: str) -> Made:
    """A new pair of keys for ES256 or RS256; the latter takes up to a second."""
    key: PrivateKey
    if alg == ES256:
        key = ec.generate_private_key(ec.SECP256R1())
        point = key.public_key().public_numbers()
        members = {"crv": "P-256", "kty": "EC", "x": _number(point.x, _HALF), "y": _number(point.y, _HALF)}
    else:
        key = rsa.generate_private_key(65537, _RSA_BITS)
        numbers = key.public_key().public_numbers()
        members = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    kid = base64url.encode(
        hashlib.sha256(_encode(members)).digest()
    )  # the required members alone, by name (RFC 7638 §3)
    public = _encode({**members, "kid": kid, "use": "sig", "alg": alg}).decode()
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415  which loads bcrypt, for SSH keys
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Made(kid, public, private)


class Signer:
    """Signs with one key, and knows its own signatures.

    Args:
        alg: ES256 or RS256.
        kid: the name of the key.
        private: in PEM.
    """

    def __init__(self, alg: str, kid: str, private: str) -> None:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415  as above

        key = load_pem_private_key(private.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise TypeError(f"the signing key {kid} is of another kind")
        self.alg = alg
        self.kid = kid
        self.slow = isinstance(key, rsa.RSAPrivateKey)
        """True when signing takes so long that other requests should not wait for it."""
        self._key: PrivateKey = key
        self._heads: dict[str, str] = {}

    def sign(self, claims: Mapping[str, Any], typ: str = JWT) -> str:
        """A token of this type with these claims."""
        head = self._heads.get(typ)
        if head is None:
            head = self._heads[typ] = (
                base64url.encode(_encode({"alg": self.alg, "typ": typ, "kid": self.kid})) + "."
            )
        signed = head + base64url.encode(_encode(claims))
        return f"{signed}.{base64url.encode(self._signature(signed.encode()))}"

    def knows(self, signed: bytes, signature: bytes) -> bool:
        """True when `signature` was made with this key."""
        try:
            if isinstance(self._key, rsa.RSAPrivateKey):
                self._key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            else:
                if len(signature) != 2 * _HALF:
                    return False
                halves = (int.from_bytes(part) for part in (signature[:_HALF], signature[_HALF:]))
                der = encode_dss_signature(*halves)
                self._key.public_key().verify(der, signed, _ES256)
        except InvalidSignature:
            return False
        return True

    def _signature(self, signed: bytes) -> bytes:
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        first, second = decode_dss_signature(self._key.sign(signed, _ES256))
        return first.to_bytes(_HALF) + second.to_bytes(_HALF)


def read_own(token: str, signers: Mapping[str, Signer], typ: str = JWT) -> dict[str, Any] | None:
    """The claims of a token that one of these keys signed, None for anything else.

    Args:
        token: in compact form (RFC 7515 §7.1).
        signers: by `kid`.
        typ: the type that it must have (RFC 8725 §3.11).
    """
    found = read_compact(token)
    if found is None:
        return None
    kid = found.header.get("kid")
    signer = signers.get(kid) if isinstance(kid, str) else None
    if signer is None or found.alg != signer.alg or found.header.get("typ") != typ:
        return None
    return found.claims if signer.knows(found.signed, found.signature) else None


def token_digest(token: str) -> str:
    """The SHA-256 of a token, as proofs of a key name it (RFC 9449 §4.2, `ath`)."""
    return base64url.encode(hashlib.sha256(token.encode()).digest())


def at_hash(access_token: str) -> str:
    """The left half of the SHA-256 of an access token (OpenID Connect Core §3.1.3.6)."""
    return base64url.encode(hashlib.sha256(access_token.encode()).digest()[:16])


def _number(number: int, size: int = 0) -> str:
    """An unsigned number, in `size` bytes or as few as it takes (RFC 7518 §2, §6.2.1.2)."""
    return base64url.encode(number.to_bytes(size or (number.bit_length() + 7) // 8))
