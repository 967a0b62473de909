"""Purging in the background: small batches, and as many in a row as there is to purge."""

import asyncio

from lingpai.core.errors import LingpaiError
from lingpai.core.logs import structlog
from lingpai.issuer.context import Issuer

BATCH = 500
KEEP_ENDED = 3600
"""Seconds that ended rows stay, so that what was just refused can be told apart from what never was."""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def purge(issuer: Issuer, limit: int = BATCH) -> int:
    """Remove one batch of what ended long enough ago, of every realm in the store.

    Returns how many rows it had.
    """
    return await issuer.store.purge_issuer(issuer.now() - KEEP_ENDED, limit)


async def purge_for_ever(issuer: Issuer, interval: float = 10.0) -> None:
    """Purge until cancelled: at once again after a full batch, else after `interval` seconds.

    Before, users whom a release before added are given the key by which other spellings of their login find them.

    One batch is one job among the others of a commit, so callers hardly wait for it; and as batches follow
    each other without pause while they are full, rows go faster than any traffic makes them.
    """
    while True:
        try:
            await issuer.store.key_logins(BATCH)
            full = await purge(issuer) >= BATCH
        except LingpaiError as error:
            log.warning("purge_failed", error=error.kind.value, retry_in=interval)
            full = False
        await (asyncio.sleep(0) if full else issuer.clock.sleep(interval))
