"""The public keys of clients: those that are registered by value."""

from typing import Any

from lingpai.core.issuer_records import App
from lingpai.issuer.foreign_jose import Foreign, PublicKey, read_keys

MOST: int = 1000
"""Most clients whose keys are kept ready."""


class ClientKeys:
    """Knows the keys of clients, read once for each set."""

    def __init__(self) -> None:
        self._read: dict[int, tuple[dict[str, Any], tuple[PublicKey, ...]]] = {}

    async def signed(self, app: App, token: Foreign) -> bool:
        """Return whether one of the client's keys made the token's signature."""
        return any(key.fits(token) and key.signed(token) for key in self._of_value(app))

    def _of_value(self, app: App) -> tuple[PublicKey, ...]:
        jwks = app.client.jwks
        if jwks is None:
            return ()
        known = self._read.get(app.id)
        if known is None or known[0] != jwks:
            if len(self._read) >= MOST:
                self._read.pop(next(iter(self._read)))
            known = self._read[app.id] = jwks, read_keys(jwks)
        return known[1]
