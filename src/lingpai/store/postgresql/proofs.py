"""Verbs on proofs (`store.port`)."""

from typing import Final

from typing_extensions import override

from lingpai.store.port import Store
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.repository import Repository

_SQL: Final = load_queries("proofs")


class Proofs(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def keep_proof(self, digest: bytes) -> None:
        await self._engine.write(_SQL["keep_proof"], digest, self._clock.now())

    @override
    async def has_proof(self, digest: bytes) -> bool:
        return bool(await self._engine.rows(_SQL["has_proof"], digest))
