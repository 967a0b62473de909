"""A bound on calls of one sort that are under way at a time in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from lingpai.core.errors import Kind, LingpaiError

AT_ONCE = 8


class ConcurrencyLimit:
    """At most `AT_ONCE` at a time; the others wait."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)

    @contextlib.asynccontextmanager
    async def slot(self, patience: float) -> AsyncIterator[None]:
        """Enter the block when a slot is free, within `patience` seconds.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS.
        """
        try:
            async with asyncio.timeout(patience):
                await self._slots.acquire()
        except TimeoutError as error:
            raise LingpaiError(
                Kind.TOO_MANY_REQUESTS, "Too many secrets are being tried; try again.", retry_after=1
            ) from error
        try:
            yield
        finally:
            self._slots.release()
