"""Verbs that keep the store in order (`store.port`)."""

from collections.abc import Hashable
from typing import Final

from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.core.seals import sealed_with
from lingpai.store.port import Store
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.engine import Engine
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.repository import Repository
from lingpai.store.postgresql.rights import MISSING, rights_error
from lingpai.store.postgresql.schema import all_names
from lingpai.store.upkeep import PURGES, SEALED, newest_seals, opens, samples
from lingpai.store.validity import Validity
from lingpai.store.vault import fingerprint_of

_SQL: Final = load_queries("upkeep")
_FIRST_USE: Final = 0x6C696E677061_03


async def take_turn(connection: Connection) -> None:
    """Be alone until the transaction ends in finding out who uses the database, and in writing down that one does.

    Else a node could open a database that a copy is just beginning to fill, and see what it writes overwritten.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _FIRST_USE)


async def demand_ring(engine: Engine, ring: KeyRing) -> None:
    """Make sure that this is the key ring of the database; the first node that comes says which it is.

    Raises:
        KeyRingError: it is another one.
        LingpaiError: STORE_UNAVAILABLE; also while a copy into it is not finished.
    """
    ours = fingerprint_of(ring)

    async def look(connection: Connection) -> bytes | None:
        await take_turn(connection)
        if await connection.fetchval(_SQL["has_unfinished_copy"]):
            return None
        await connection.execute(_SQL["keep_fingerprint"], ours)
        theirs: bytes = await connection.fetchval(_SQL["read_fingerprint"])
        return theirs

    theirs = await engine.transact(look)
    if theirs is None:
        raise LingpaiError(
            Kind.STORE_UNAVAILABLE,
            "A copy or a restore into this database is not finished; run `lingpai store copy` or `lingpai restore` "
            "again.",
            retry_after=30.0,
        )
    if theirs != ours:
        raise KeyRingError(
            f"The key ring {ring.path or ''} is not the one that this database is encrypted "
            "with. All nodes need the same key ring: copy that of the first node (keyring.json "
            "in its data folder) here, readable by its owner only."
        )


class Upkeep(Repository, Store):
    """See `store.port.Store`."""

    @override
    def mark(self) -> None: ...

    @override
    def validity(self, credential: int, mark: Hashable) -> None: ...

    @override
    def is_valid(self, validity: Validity) -> bool:
        return False

    @override
    async def wait_change(self, seconds: float) -> None:
        await self._engine.wait_change(seconds)

    @override
    async def purge(self, limit: int) -> int:
        now = (self._clock.now(), self._clock.steady(), self._clock.epoch)
        return sum([len(await self._engine.write(_SQL[query], *now, limit)) for query in PURGES])

    @override
    async def sealed_counts(self) -> dict[int, int]:
        return {sealed_with(key): n for key, n in await self._engine.scan(_SQL["sealed_counts"])}

    @override
    async def unopened(self) -> tuple[int, ...]:
        found: set[int] = set()
        for key in self._vault.ring.keys:
            for column, query in samples("$1").items():
                if not opens(self._vault, column, await self._engine.rows(query, key.id.to_bytes(4, "big"))):
                    found.add(key.id)
        return tuple(sorted(found))

    @override
    async def newest_seal(self) -> int | None:
        found = [row for query in newest_seals() for row in await self._engine.rows(query)]
        return max((sealed_with(key) for (key,) in found), default=None)

    @override
    async def reseal(self, limit: int) -> int:

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

    @override
    async def ping(self) -> None:
        missing = await self._engine.rows(MISSING, all_names())
        if missing:
            raise rights_error(said for (said,) in missing)
        await self._engine.write(_SQL["probe"], self._clock.now())
        await self._engine.rows("SELECT at FROM probes")
