"""Verbs on code exchanges (`store.port`)."""

from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.clock import end_after
from lingpai.core.records import ExchangeClaim
from lingpai.store.port import Store
from lingpai.store.rows import end_columns, moment
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("exchanges")


class Exchanges(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def claim_exchange(self, digest: bytes, holder: str, ttl: float, ends_at: float) -> ExchangeClaim:

        def claim(connection: apsw.Connection) -> ExchangeClaim:
            columns = {"digest": digest, "holder": holder, "ends_at": ends_at}
            columns |= moment(self._clock) | end_columns("claim", end_after(self._clock, ttl))
            if run(connection, _SQL["claim_exchange"], columns):
                return ExchangeClaim(claimed=True, answer=None)
            ((answer,),) = run(connection, _SQL["read_answer"], (digest,))
            opened = None if answer is None else self._vault.open(answer, "exchanges.answer", digest)
            return ExchangeClaim(claimed=False, answer=opened)

        return await self._engine.write(claim)

    @override
    async def finish_exchange(self, digest: bytes, holder: str, answer: str, ends_at: float) -> bool:
        sealed = self._vault.seal(answer, "exchanges.answer", digest)
        columns = {"digest": digest, "holder": holder, "answer": sealed, "ends_at": ends_at}
        return await self._engine.write(
            lambda connection: bool(run(connection, _SQL["finish_exchange"], columns))
        )

    @override
    async def drop_exchange(self, digest: bytes, holder: str) -> bool:
        columns = {"digest": digest, "holder": holder}
        return await self._engine.write(
            lambda connection: bool(run(connection, _SQL["drop_exchange"], columns))
        )
