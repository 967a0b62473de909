"""The store on PostgreSQL: all verbs of the port over one engine."""

from typing_extensions import override

from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing
from lingpai.store.address import CONNECTIONS
from lingpai.store.port import Store
from lingpai.store.postgresql.accounts import Accounts
from lingpai.store.postgresql.administration import Administration
from lingpai.store.postgresql.budgets import Budgets
from lingpai.store.postgresql.callers import Callers
from lingpai.store.postgresql.clock import shared_clock
from lingpai.store.postgresql.engine import Engine
from lingpai.store.postgresql.events import Events
from lingpai.store.postgresql.exchanges import Exchanges
from lingpai.store.postgresql.hooks import Hooks
from lingpai.store.postgresql.leases import Leases
from lingpai.store.postgresql.proofs import Proofs
from lingpai.store.postgresql.pushes import Pushes
from lingpai.store.postgresql.relays import Relays
from lingpai.store.postgresql.roles import Roles
from lingpai.store.postgresql.schema import apply_migrations
from lingpai.store.postgresql.upkeep import Upkeep, demand_ring
from lingpai.store.vault import Vault


class PostgresStore(
    Administration,
    Accounts,
    Callers,
    Leases,
    Budgets,
    Events,
    Exchanges,
    Hooks,
    Proofs,
    Pushes,
    Relays,
    Roles,
    Upkeep,
    Store,
):
    """`store.port.Store` in one database. Made by `open`; used from the event loop that it was opened on."""

    @classmethod
    async def open(cls, dsn: str, ring: KeyRing, clock: Clock) -> "PostgresStore":
        """Open the store in the database at `dsn`, bringing its schema up to date.

        Args:
            dsn: where the database is (`postgresql://…`); it exists.
            ring: the keys that seal what is secret, the same on every node.
            clock: the time by which ends pass.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
            KeyRingError: the database is sealed with another key ring.
        """
        await apply_migrations(dsn)
        return await cls.over(await Engine.open(dsn), ring, clock)

    @classmethod
    async def open_shared(
        cls, dsn: str, ring: KeyRing, clock: Clock, connections: int = CONNECTIONS
    ) -> "PostgresStore":
        """As `open`, by the time that all nodes of the database share, and that goes on with `clock`'s.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
            KeyRingError: the database is sealed with another key ring.
        """
        await apply_migrations(dsn)
        engine = await Engine.open(dsn, connections)
        try:
            shared = await shared_clock(engine, clock)
        except BaseException:
            await engine.close()
            raise
        return await cls.over(engine, ring, shared)

    @classmethod
    async def over(cls, engine: Engine, ring: KeyRing, clock: Clock) -> "PostgresStore":
        """The store over an open engine, which it closes from then on; also when it raises.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
            KeyRingError: the database is sealed with another key ring.
        """
        try:
            await demand_ring(engine, ring)
        except BaseException:
            await engine.close()
            raise
        return cls(engine, Vault(ring), clock)

    @property
    def clock(self) -> Clock:
        """The time by which ends pass."""
        return self._clock

    @override
    async def close(self) -> None:
        await self._engine.close()
