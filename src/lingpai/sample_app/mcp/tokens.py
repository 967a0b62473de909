"""Access tokens as a resource server verifies them itself (RFC 9068 §4), with the keys that their issuer publishes."""

import time
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from lingpai.core.errors import Kind, LingpaiError
from lingpai.sample_app.browsers import Browsers
from lingpai.sample_app.mcp.messages import Caller

_TYPES: Final = ("at+jwt", "application/at+jwt")
_ALGORITHMS: Final = ["ES256", "RS256"]
_SECONDS: Final = 30
"""Least time between two looks at the keys: a token with an unknown key costs no more."""


class TokenVerifier:
    """Verifies the tokens that one issuer makes for one resource server.

    Args:
        issuer: its issuer identifier.
        resource: the resource server's URI.
        scope: what a token needs.
        browsers: has the HTTP client.
    """

    def __init__(self, issuer: str, resource: str, scope: str, browsers: Browsers) -> None:
        self._issuer = issuer
        self._resource = resource
        self._scope = scope
        self._browsers = browsers
        self._keys: KeySet | None = None
        self._looked_at = 0.0

    async def verify(self, token: str | None) -> Caller:
        """Return who calls.

        Raises:
            LingpaiError: LOGIN_REQUIRED when there is no token; INVALID_ACCESS_TOKEN, INSUFFICIENT_SCOPE.
            aiohttp.ClientError: the issuer cannot be reached.
        """
        claims = await self._claims(token)
        scope = str(claims.get("scope", ""))
        if self._scope not in scope.split():
            raise LingpaiError(Kind.INSUFFICIENT_SCOPE, f"The token lacks the scope {self._scope}.")
        return Caller(str(claims.get("sub")), str(claims.get("client_id")), scope)

    async def _claims(self, token: str | None) -> dict[str, Any]:
        if not token:
            raise LingpaiError(Kind.LOGIN_REQUIRED, "An access token is needed.")
        found = self._read(token)
        if found is None and time.monotonic() >= self._looked_at + _SECONDS:
            await self._look()
            found = self._read(token)
        # A token that is bound to a key is good only with a proof of it (RFC 9449 §7), which is not read here.
        if found is None or "cnf" in found:
            raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The access token is not valid here.")
        return found

    def _read(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token of this issuer for this resource server, None for any other text."""
        if self._keys is None:
            return None
        try:
            read = jwt.decode(token, self._keys, algorithms=_ALGORITHMS)
        except (JoseError, TypeError, ValueError):  # the library iterates over a `crit` of any type
            return None
        claims: dict[str, Any] = read.claims
        named = claims.get("aud")
        audience = named if isinstance(named, list) else [named]
        ends_at = claims.get("exp")
        good = (
            read.header.get("typ") in _TYPES
            and claims.get("iss") == self._issuer
            and self._resource in audience
            and isinstance(ends_at, int)
            and ends_at > time.time()
        )
        return claims if good else None

    async def _look(self) -> None:
        """Read the keys, where the issuer's metadata says that they are."""
        http = self._browsers.http
        async with http.get(self._issuer + "/.well-known/openid-configuration") as found:
            metadata = await found.json()
        async with http.get(metadata["jwks_uri"]) as found:
            self._keys = KeySet.import_key_set(await found.json())
        self._looked_at = time.monotonic()
