"""DPoP proofs for the cases that send them (RFC 9449 §4.2): each counts once, and only for a minute."""

import hashlib
import itertools
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from lingpai.core import base64url

PROOFS = 20_000
"""Proofs of a start: enough for 6,000 a second, one second to warm up and two at full load."""
_HALF = 32
_TAB = "\t"


class ProofKey:
    """A client's key pair."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        point = self._key.public_key().public_numbers()
        jwk = {
            "crv": "P-256",
            "kty": "EC",
            "x": base64url.encode(point.x.to_bytes(_HALF)),
            "y": base64url.encode(point.y.to_bytes(_HALF)),
        }
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
        self._head = base64url.encode(msgspec.json.encode(head))
        self._numbers = itertools.count()

    def proof(self, url: str, now: int) -> str:
        """A proof for a POST to ``url`` at this unix time that no other one equals."""
        jti = hashlib.sha256(f"{now} {next(self._numbers)}".encode()).hexdigest()
        claims = {"htm": "POST", "htu": url, "iat": now, "jti": jti}
        signed = f"{self._head}.{base64url.encode(msgspec.json.encode(claims))}"
        halves = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{base64url.encode(b''.join(half.to_bytes(_HALF) for half in halves))}"


def write_proven(file: Path, bodies: Iterable[str], url: str, count: int = PROOFS) -> None:
    """Write ``count`` of these bodies in turn, each with a fresh proof for ``url`` after a tab."""
    key, now = ProofKey(), int(time.time())
    lines = (
        f"{body}{_TAB}{key.proof(url, now)}\n" for body in itertools.islice(itertools.cycle(bodies), count)
    )
    file.write_text("".join(lines), "utf-8")


def split(line: str) -> tuple[str, dict[str, str]]:
    """The body and the headers of a line."""
    body, _, proof = line.partition(_TAB)
    return body, {"DPoP": proof} if proof else {}
