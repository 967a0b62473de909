"""Proofs of a key (DPoP, RFC 9449 §4): a token is good for nobody but who can sign each request with its key."""

import re
from collections import OrderedDict
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App
from lingpai.core.signed_tokens import SignedToken, read_compact
from lingpai.core.wire import Call
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.shape import ProofError
from lingpai.issuer.foreign_jose import PublicKey
from lingpai.issuer.jose import token_digest
from lingpai.issuer.policy import MINUTE
from lingpai.issuer.verbs.requests import Once
from lingpai.store.issuer_port import SignedRequest

ALGORITHMS: Final = ("ES256", "EdDSA", "PS256")
TYPE: Final = "dpop+jwt"
LEEWAY: Final = MINUTE
"""Seconds by which a proof's `iat` may differ from our time."""
NONCE: Final = 5 * MINUTE
"""Seconds for which a nonce is good, on every node."""
_PORTS: Final = {"http": 80, "https": 443}
_KEPT: Final = 100_000
"""Proofs that one process remembers at most of requests that write nothing."""
_DPOP = re.compile(r"dpop +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)


class Proof(NamedTuple):
    """A proof that is right: the thumbprint of its key (RFC 7638), and by what it counts once."""

    jkt: str
    digest: bytes
    ends_at: int

    def once(self, app: App) -> Once:
        """Return by what it counts once, for verbs that remember it."""
        return Once(
            SignedRequest(app.requests_row, 0, self.digest, self.ends_at),
            refused("The DPoP proof was used before."),
        )


def refused(reason: str) -> LingpaiError:
    """Return the refusal of a proof (RFC 9449 §5)."""
    return ProofError(LingpaiError(Kind.BAD_SIGNATURE, reason), ())


class Proofs:
    """Checks the proofs of one realm.

    Args:
        issuer: the realm.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def read(self, call: Call, address: str, *, token: str | None = None) -> Proof | None:
        """Return the proof of a request, None when it has none.

        Args:
            call: its headers and method.
            address: the address of the endpoint, as the metadata has it.
            token: the access token that comes with it, or None.

        Raises:
            LingpaiError: BAD_SIGNATURE (`invalid_dpop_proof`), or BAD_TIMESTAMP (`use_dpop_nonce`) with a nonce.
        """
        header = call.header("dpop")
        if header is None:
            return None
        found = read_compact(header.strip())
        if found is None or found.header.get("typ") != TYPE or found.alg not in ALGORITHMS:
            raise refused("The DPoP header is not one proof that can be read.")
        key = _key_of(found)
        claims = found.claims
        methods = {"GET", "HEAD"} if call.safe else {"POST"}
        if claims.get("htm") not in methods or not _is_same(claims.get("htu"), address):
            raise refused("The DPoP proof is for another request.")
        if token is not None and claims.get("ath") != token_digest(token):
            raise refused("The DPoP proof is for another access token.")
        if found.jti is None:
            raise refused("The DPoP proof needs a jti.")
        left = self._fresh(found)
        digest = self._issuer.digest_of("proof", key.thumbprint, found.jti)
        return Proof(key.thumbprint, digest, self._issuer.now() + left + 1)

    def once_here(self, proof: Proof) -> None:
        """Refuse a proof that this process has seen, where nothing is written that could remember it (RFC 9449 §11.1).

        Raises:
            LingpaiError: BAD_SIGNATURE.
        """
        now, seen = self._issuer.now(), self._seen
        while seen and (len(seen) >= _KEPT or next(iter(seen.values())) <= now):
            seen.popitem(last=False)
        if proof.digest in seen:
            raise refused("The DPoP proof was used before.")
        seen[proof.digest] = now + 2 * LEEWAY + NONCE

    def nonce(self) -> str:
        """Return a nonce of now: it is sealed and stored nowhere."""
        return self._issuer.seal(HandleKind.DPOP_NONCE, 0, 0, self._issuer.now(), 0)

    def offered(self) -> tuple[tuple[str, str], ...]:
        """Return the header with the nonce for the next proof, where proofs need one (RFC 9449 §8.2)."""
        return (("dpop-nonce", self.nonce()),) if self._issuer.policy.dpop_nonce else ()

    def _fresh(self, proof: SignedToken) -> int:
        """Return for how many seconds from now a proof could be used again; refuses one that is not of now."""
        issued_at, given = proof.moment("iat"), proof.claims.get("nonce")
        if issued_at is None:
            raise refused("The DPoP proof needs an iat.")
        if given is None and not self._issuer.policy.dpop_nonce:
            ahead = issued_at - self._issuer.clock.now()
            if not abs(ahead) <= LEEWAY:
                raise refused("The DPoP proof is not of now.")
            return int(ahead) + LEEWAY
        nonce = self._issuer.unseal(given, HandleKind.DPOP_NONCE) if isinstance(given, str) else None
        age = -1 if nonce is None else self._issuer.now() - nonce.issued_at
        if not 0 <= age < NONCE:
            raise ProofError(
                LingpaiError(Kind.BAD_TIMESTAMP, "The DPoP proof needs a nonce that is good now."),
                (("dpop-nonce", self.nonce()),),
            )
        return NONCE - age


def dpop_token(call: Call) -> str | None:
    """Return the token of an `Authorization: DPoP` header, None for another scheme (RFC 9449 §7.1)."""
    found = _DPOP.fullmatch((call.header("authorization") or "").strip())
    return None if found is None else found[1]


def _key_of(token: SignedToken) -> PublicKey:
    jwk = token.header.get("jwk")
    try:
        key = PublicKey(jwk if isinstance(jwk, dict) else {})
    except ValueError as error:
        raise refused("The DPoP proof has no public key that can be used.") from error
    if not key.signed(token):
        raise refused("The DPoP proof is not signed by its key.")
    return key


def _is_same(given: Any, address: str) -> bool:
    """Return whether a proof's `htu` is this address, whatever its query, fragment and spelling (RFC 9449 §4.3)."""
    return isinstance(given, str) and (given == address or _normal(given) == _normal(address))


def _normal(address: str) -> object:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return object()
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return object()
    segments = (unquote_to_bytes(segment) for segment in (parts.path or "/").split("/"))
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme], tuple(segments)
