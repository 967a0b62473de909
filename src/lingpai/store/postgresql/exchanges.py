"""Verbs on code exchanges (`store.port`)."""

from typing import Final

from typing_extensions import override

from lingpai.core.clock import end_after
from lingpai.core.records import ExchangeClaim
from lingpai.store.port import Store
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.repository import Repository

_SQL: Final = load_queries("exchanges")


class Exchanges(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def claim_exchange(self, digest: bytes, holder: str, ttl: float, ends_at: float) -> ExchangeClaim:
        while True:  # a claim that was refused and finds nothing was dropped or purged in between
            end = end_after(self._clock, ttl)
            now = (self._clock.now(), self._clock.steady(), self._clock.epoch)
            if await self._engine.write(_SQL["claim_exchange"], digest, holder, *end, ends_at, *now):
                return ExchangeClaim(claimed=True, answer=None)
            found = await self._engine.rows(_SQL["read_answer"], digest)
            if found:
                sealed = found[0][0]
                opened = None if sealed is None else self._vault.open(sealed, "exchanges.answer", digest)
                return ExchangeClaim(claimed=False, answer=opened)

    @override
    async def finish_exchange(self, digest: bytes, holder: str, answer: str, ends_at: float) -> bool:
        sealed = self._vault.seal(answer, "exchanges.answer", digest)
        return bool(await self._engine.write(_SQL["finish_exchange"], digest, holder, sealed, ends_at))

    @override
    async def drop_exchange(self, digest: bytes, holder: str) -> bool:
        return bool(await self._engine.write(_SQL["drop_exchange"], digest, holder))
