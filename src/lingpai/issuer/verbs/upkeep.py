"""Purging in the background, by one process of all: small batches, and as many in a row as there is to purge."""

import asyncio
from collections.abc import Awaitable, Callable

from lingpai.core.errors import LingpaiError
from lingpai.core.logs import structlog
from lingpai.issuer.context import Issuer

BATCH = 500
KEEP_ENDED = 3600
"""Seconds that ended rows stay, so that a token that just ended is distinguished from one that never existed."""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def purge(issuer: Issuer, limit: int = BATCH) -> int:
    """Remove one batch of what ended long enough ago, and of apps that nobody used, of every realm in the store.

    Returns how many rows it had.
    """
    ended = await issuer.store.purge_issuer(issuer.now() - KEEP_ENDED, limit)
    return ended + await issuer.store.remove_unused_apps(issuer.now(), limit)


async def _always() -> bool:
    return True


async def purge_for_ever(
    issuer: Issuer, interval: float = 10.0, leads: Callable[[], Awaitable[bool]] = _always
) -> None:
    """Purge until cancelled: again after a full batch, else after `interval` seconds.

    Before, users whom a release before added are given the key by which other spellings of their login find them.

    After a full batch it rests for as long as that took, so it takes no more than half of what one connection can do;
    rows still go faster than any traffic makes them.

    Args:
        issuer: whose store is purged.
        interval: seconds.
        leads: whether this process is the one that does; one of all is enough.
    """
    while True:
        rest = interval
        began = issuer.clock.steady()
        try:
            if await leads():
                await issuer.store.key_logins(BATCH)
                if await purge(issuer) >= BATCH:
                    rest = issuer.clock.steady() - began
        except LingpaiError as error:
            log.warning("purge_failed", error=error.kind.value, detail=error.detail, retry_in=interval)
        await (issuer.clock.sleep(rest) if rest > 0 else asyncio.sleep(0))
