"""Verbs on proofs (`store.port`)."""

from typing import Final

from lingpai.store.postgresql.part import Part
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("proofs")


class Proofs(Part):
    """See `store.port.Store`."""

    async def keep_proof(self, digest: bytes) -> None:
        """See `store.port.Store.keep_proof`."""
        await self._engine.write(_SQL["keep_proof"], digest, self._clock.now())

    async def has_proof(self, digest: bytes) -> bool:
        """See `store.port.Store.has_proof`."""
        return bool(await self._engine.rows(_SQL["has_proof"], digest))
