"""Clients are notified that a session of their user ended (OpenID Connect Back-Channel Logout 1.0).

A message to each is stored with the end of the session. Who ends it sends them at once. One process of all tries again
what failed, and sends what a process left that was killed in between.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from lingpai.core.authorization_records import Logout
from lingpai.core.errors import LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.logs import structlog
from lingpai.issuer.context import Issuer
from lingpai.issuer.fetcher import FetchError
from lingpai.issuer.policy import MINUTE

Notify = Callable[[Sequence[Logout]], Awaitable[None]]
"""Tells clients, as far as they can be reached at once."""
Send = Callable[[Logout, App], Awaitable[None]]
"""Tells one client; raises FetchError when that does not accept it."""


async def later(_logouts: Sequence[Logout]) -> None:
    """Leave it to whoever notifies clients in the background."""


FIRST: Final = 2.0
"""Seconds for which a user who logs out waits for their clients, all of which are notified at the same time."""
LEASE: Final = MINUTE
"""Seconds after which a client is notified by another process, when the one that took it notified nothing."""
WAITS: Final[Mapping[int, int]] = {3: 10, 2: MINUTE, 1: 10 * MINUTE}
"""Seconds until the next try, by the number of tries that are left."""
INTERVAL: Final = 5.0
"""Seconds between two looks for clients that have yet to be notified."""
BATCH: Final = 50

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Logouts:
    """Tells the clients of one realm.

    Args:
        issuer: the realm.
        send: notifies one of them.
    """

    def __init__(self, issuer: Issuer, send: Send) -> None:
        self._issuer = issuer
        self._send = send

    async def send(self, logouts: Sequence[Logout]) -> None:
        """Notify clients that a session has ended; those that cannot be notified in time are notified later."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST):
                await asyncio.gather(*map(self._send_now, logouts))

    async def retry(self) -> int:
        """Tell the clients whose time has come, and return how many these were.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        issuer = self._issuer
        now = issuer.now()
        taken = await issuer.store.take_logouts(issuer.realm, now, now + LEASE, BATCH)
        await asyncio.gather(*map(self._send_again, taken))
        return len(taken)

    async def run(self, leads: Callable[[], Awaitable[bool]]) -> None:
        """Notify clients until cancelled, whenever this process is the one that does."""
        while True:
            found = 0
            try:
                # Looked for first: there is hardly ever one, and to lead costs a write.
                if (
                    await self._issuer.store.has_logouts(self._issuer.realm, self._issuer.now())
                    and await leads()
                ):
                    found = await self.retry()
            except LingpaiError as error:
                log.warning("logouts_failed", error=error.kind.value, detail=error.detail)
            if found < BATCH:
                await self._issuer.clock.sleep(INTERVAL)

    async def _send_now(self, logout: Logout) -> None:
        try:
            await self._notify(logout)
        except LingpaiError as error:
            log.warning("logouts_failed", error=error.kind.value, detail=error.detail)

    async def _send_again(self, logout: Logout) -> None:
        if await self._notify(logout):
            return
        left = logout.left - 1
        if left:
            later = msgspec.structs.replace(logout, left=left)
            await self._issuer.store.postpone_logout(later, self._issuer.now() + WAITS[left])
        else:
            await self._issuer.store.remove_logout(logout)

    async def _notify(self, logout: Logout) -> bool:
        """Notify one client; return True when nothing more is to be sent to it."""
        store = self._issuer.store
        app = await store.read_app(logout.app)
        if app is not None and app.client.backchannel_logout_uri:
            try:
                await self._send(logout, app)
            except FetchError as error:
                log.warning(
                    "logout_not_accepted",
                    realm=app.realm,
                    app=app.app_id,
                    error=str(error),
                    count=logout.left,
                )
                return False
        await store.remove_logout(logout)
        return True
