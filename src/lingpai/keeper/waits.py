"""Callers that wait for a change; the end of the service ends their wait."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Waits:
    """Waits under way in this process.

    Attributes:
        over: whether the service ends.
    """

    def __init__(self) -> None:
        self._bounds: set[asyncio.Timeout] = set()
        self.over = False

    @contextlib.asynccontextmanager
    async def until_the_end(self) -> AsyncIterator[None]:
        """Enter a block that ends without an error when the service ends: no deployment waits for waiting callers."""
        try:
            async with asyncio.timeout(0 if self.over else None) as bound:
                self._bounds.add(bound)
                try:
                    yield
                finally:
                    self._bounds.discard(bound)
        except TimeoutError:
            if not self.over:
                raise

    def end(self) -> None:
        """End every wait, now and from now on."""
        self.over = True
        now = asyncio.get_running_loop().time()
        for bound in self._bounds:
            bound.reschedule(now)
