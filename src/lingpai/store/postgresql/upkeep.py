"""Verbs that keep the store in order (`store.port`)."""

from typing import Final

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.core.seals import sealed_with
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.engine import Engine
from lingpai.store.postgresql.part import Part
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.upkeep import PURGES, SEALED
from lingpai.store.vault import fingerprint_of

_SQL: Final = load_queries("upkeep")


async def demand_ring(engine: Engine, ring: KeyRing) -> None:
    """Make sure that this is the key ring of the database; the first node that comes says which it is.

    Raises:
        KeyRingError: it is another one.
        LingpaiError: STORE_UNAVAILABLE; also while a copy into it is not finished.
    """
    if (await engine.rows(_SQL["has_unfinished_copy"]))[0][0]:
        raise LingpaiError(
            Kind.STORE_UNAVAILABLE,
            "A copy into this database is not finished; run `lingpai store copy` again.",
            retry_after=30.0,
        )
    ours = fingerprint_of(ring)
    if not await engine.rows(_SQL["read_fingerprint"]):
        await engine.write(_SQL["keep_fingerprint"], ours)
    ((theirs,),) = await engine.rows(_SQL["read_fingerprint"])
    if theirs != ours:
        raise KeyRingError(
            f"The key ring {ring.path or ''} is not the one that this database is sealed with. Every node needs the "
            "same: copy the key ring of the first node (keyring.json in its data folder) here, readable by its "
            "owner only."
        )


class Upkeep(Part):
    """See `store.port.Store`."""

    def mark(self) -> None:
        """See `store.port.Store.mark`."""

    async def wait_change(self, seconds: float) -> None:
        """See `store.port.Store.wait_change`."""
        await self._engine.wait_change(seconds)

    async def purge(self, limit: int) -> int:
        """See `store.port.Store.purge`."""
        now = (self._clock.now(), self._clock.steady(), self._clock.epoch)
        return sum([len(await self._engine.write(_SQL[query], *now, limit)) for query in PURGES])

    async def sealed_counts(self) -> dict[int, int]:
        """See `store.port.Store.sealed_counts`."""
        return {sealed_with(key): n for key, n in await self._engine.scan(_SQL["sealed_counts"])}

    async def reseal(self, limit: int) -> int:
        """See `store.port.Store.reseal`."""

        async def seal_anew(connection: Connection) -> int:
            newest = self._vault.ring.newest.id.to_bytes(4, "big")
            done = 0
            for column, find, save in SEALED:
                for row_id, sealed, *row in await connection.fetch(_SQL[find], newest, limit - done):
                    value = self._vault.open(sealed, column, *row)
                    await connection.execute(_SQL[save], row_id, self._vault.seal(value, column, *row))
                    done += 1
            return done

        return await self._engine.transact(seal_anew)

    async def ping(self) -> None:
        """See `store.port.Store.ping`."""
        await self._engine.write(_SQL["probe"], self._clock.now())
        await self._engine.rows("SELECT at FROM probes")
