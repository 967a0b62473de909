"""The public keys of clients: registered by value, or published by the client at its `jwks_uri` (RFC 7591 §2)."""

import asyncio
from typing import Any, Final

import msgspec

from lingpai.core.clock import Clock
from lingpai.core.issuer_records import App
from lingpai.core.logs import structlog
from lingpai.core.signed_tokens import SignedToken
from lingpai.issuer.fetcher import Fetcher, FetchError
from lingpai.issuer.foreign_jose import PublicKey, read_keys
from lingpai.issuer.policy import DAY, HOUR

MOST: Final = 1000
"""Most key sets that are kept ready, of either kind."""
FRESH: Final = HOUR
"""Seconds after which a published set is fetched again."""
STALE: Final = DAY
"""Seconds for which a set counts that cannot be fetched again; a key that was withdrawn ends then at the latest."""
AGAIN: Final = 30
"""Seconds that must be between two fetches, however many tokens come whose key is not known."""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class ClientKeys:
    """Knows the keys of clients.

    Args:
        fetcher: fetches what they publish.
        clock: its steady time limits the age of what was fetched.
    """

    def __init__(self, fetcher: Fetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._read: dict[int, tuple[dict[str, Any], tuple[PublicKey, ...]]] = {}
        self._published: dict[str, _Published] = {}

    async def signed(self, app: App, token: SignedToken) -> bool:
        """Return whether one of the client's keys made the token's signature."""
        if _signed(self._of_value(app), token):
            return True
        if not app.client.jwks_uri:
            return False
        published = self._published.get(app.client.jwks_uri)
        if published is None:
            _make_room(self._published)
            published = self._published[app.client.jwks_uri] = _Published(app.client.jwks_uri)
        tried = published.keys_within(FRESH, self._clock)  # which wait for no fetch
        if _signed(tried, token):
            return True
        for age in (FRESH, AGAIN):  # the second time only when the keys that are known do not do
            await published.renew(self._fetcher, self._clock, age, app.app_id)
            keys = published.keys_within(STALE, self._clock)
            if keys is not tried and _signed(keys, token):
                return True
            tried = keys
        return False

    def _of_value(self, app: App) -> tuple[PublicKey, ...]:
        jwks = app.client.jwks
        if jwks is None:
            return ()
        known = self._read.get(app.id)
        if known is None or known[0] != jwks:
            _make_room(self._read)
            known = self._read[app.id] = jwks, read_keys(jwks)
        return known[1]


class _Published:
    """A set at one address; while it cannot be fetched, the keys that were there last count for a while."""

    def __init__(self, uri: str) -> None:
        self._keys: tuple[PublicKey, ...] = ()
        self._uri = uri
        self._turn = asyncio.Lock()
        self._asked_at = self._fetched_at = float("-inf")

    def keys_within(self, age: float, clock: Clock) -> tuple[PublicKey, ...]:
        """Return the keys if they were fetched less than `age` seconds ago, else none."""
        return self._keys if clock.steady() < self._fetched_at + age else ()

    async def renew(self, fetcher: Fetcher, clock: Clock, age: float, app_id: str) -> None:
        """Fetch the set unless that was tried less than `age` seconds ago; who comes meanwhile waits for it."""
        async with self._turn:
            if clock.steady() < self._asked_at + (age if self._fetched_at == self._asked_at else AGAIN):
                return
            self._asked_at = asked_at = clock.steady()
            try:
                fetch = asyncio.create_task(fetcher.fetch(self._uri))  # a quick verb has none (`Route.quick`)
                self._keys = read_keys(_decode(await fetch))
                self._fetched_at = asked_at
            except (FetchError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                reason = str(error) if isinstance(error, FetchError) else "not a JSON Web Key Set"
                log.warning("client_keys_not_fetched", app=app_id, error=reason)


def _signed(keys: tuple[PublicKey, ...], token: SignedToken) -> bool:
    return any(key.fits(token) and key.signed(token) for key in keys)


def _make_room(known: dict[Any, Any]) -> None:
    if len(known) >= MOST:
        known.pop(next(iter(known)))
