"""Verbs on proofs (`store.port`)."""

from typing import Final

from lingpai.store.sqlite.part import Part
from lingpai.store.sqlite.queries import load_queries, run

_SQL: Final = load_queries("proofs")


class Proofs(Part):
    """See `store.port.Store`."""

    async def keep_proof(self, digest: bytes) -> None:
        """See `store.port.Store.keep_proof`."""
        columns = (digest, self._clock.now())
        await self._engine.write(lambda connection: run(connection, _SQL["keep_proof"], columns))

    async def has_proof(self, digest: bytes) -> bool:
        """See `store.port.Store.has_proof`."""
        return bool(self._engine.rows(_SQL["has_proof"], (digest,)))
