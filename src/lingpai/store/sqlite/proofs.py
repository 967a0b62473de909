"""Verbs on proofs (`store.port`)."""

from typing import Final

from typing_extensions import override

from lingpai.store.port import Store
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("proofs")


class Proofs(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def keep_proof(self, digest: bytes) -> None:
        columns = (digest, self._clock.now())
        await self._engine.write(lambda connection: run(connection, _SQL["keep_proof"], columns))

    @override
    async def has_proof(self, digest: bytes) -> bool:
        return bool(self._engine.rows(_SQL["has_proof"], (digest,)))
