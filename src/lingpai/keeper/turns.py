"""Turns: how many of one sort of call are under way at a time in this process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from lingpai.core.errors import Kind, LingpaiError

AT_ONCE = 8


class Turns:
    """At most `AT_ONCE` at a time; whoever else comes waits."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    @contextlib.asynccontextmanager
    async def turn(self, patience: float) -> AsyncIterator[None]:
        """A block that begins when it is its turn, within `patience` seconds.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS.
        """
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except TimeoutError as error:
            raise LingpaiError(
                Kind.TOO_MANY_REQUESTS, "Too many secrets are being tried; try again.", retry_after=1
            ) from error
        try:
            yield
        finally:
            self._places.release()
