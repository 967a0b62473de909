"""Keys of clients, and what they sign: assertions and proofs, right unless a test says otherwise."""

import itertools
from typing import Any

import msgspec
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from lingpai.core import base64url
from lingpai.issuer import jose
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.oidc.realms import ISSUER, NOW

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KINDS: dict[str, Any] = {
    "ES256": lambda: ECKey.generate_key("P-256"),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    "PS256": lambda: RSAKey.generate_key(2048),
    "RS256": lambda: RSAKey.generate_key(2048),
}
_numbers = itertools.count()


class ClientKey:
    """A key pair that a client has."""

    def __init__(self, alg: str = "ES256", kid: str | None = "key-1") -> None:
        self.alg = alg
        self.kid = kid
        self.key = KINDS[alg]()

    @property
    def jwk(self) -> Json:
        """The public half."""
        about = {} if self.kid is None else {"kid": self.kid}
        return {**self.key.as_dict(private=False), "use": "sig", "alg": self.alg, **about}

    @property
    def jwks(self) -> Json:
        return {"keys": [self.jwk]}

    @property
    def jkt(self) -> str:
        """Its thumbprint (RFC 7638)."""
        found: str = self.key.thumbprint()
        return found

    def sign(self, header: Json, claims: Any, *, alg: str | None = None) -> str:
        """A token; its header names this key's algorithm unless it says otherwise. None leaves a claim out."""
        head = {"alg": self.alg} | header
        if isinstance(claims, dict):
            claims = {name: value for name, value in claims.items() if value is not None}
        signed = ".".join(base64url.encode(msgspec.json.encode(part)) for part in (head, claims))
        signature = JWSRegistry.algorithms[alg or self.alg].sign(signed.encode(), self.key)
        return f"{signed}.{base64url.encode(signature)}"

    def assertion(self, app_id: str, *, header: Json | None = None, **over: Any) -> str:
        """What the client sends to say who it is (RFC 7523 §3)."""
        about = {} if self.kid is None else {"kid": self.kid}
        claims = {
            "iss": app_id,
            "sub": app_id,
            "aud": ISSUER,
            "exp": NOW + 60,
            "iat": NOW,
            "jti": f"assertion-{next(_numbers)}",
        }
        return self.sign(about | (header or {}), claims | over)

    def proof(
        self,
        path: str = "/token",
        *,
        token: str = "",
        header: Json | None = None,
        alg: str | None = None,
        **over: Any,
    ) -> dict[str, str]:
        """The header of a request that proves this key (RFC 9449 §4.2)."""
        claims = {
            "htm": "POST",
            "htu": ISSUER + path,
            "iat": NOW,
            "jti": f"proof-{next(_numbers)}",
            "ath": jose.token_digest(token) if token else None,
        }
        about = {"typ": "dpop+jwt", "jwk": self.key.as_dict(private=False)}
        return {"DPoP": self.sign(about | (header or {}), claims | over, alg=alg)}

    def shown(self, token: str, **over: Any) -> dict[str, str]:
        """The headers of a request for claims with a token that is bound to this key."""
        claims = {"htm": "GET", "token": token} | over
        return {"Authorization": f"DPoP {token}"} | self.proof("/userinfo", **claims)

    def asserted(self, app_id: str, *, header: Json | None = None, **over: Any) -> Json:
        """The parameters of a request with an assertion."""
        return {
            "client_id": app_id,
            "client_secret": None,
            "client_assertion_type": ASSERTION,
            "client_assertion": self.assertion(app_id, header=header, **over),
        }
