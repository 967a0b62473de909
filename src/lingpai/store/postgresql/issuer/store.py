"""The issuer's store on PostgreSQL: all verbs of its port over one engine."""

from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing
from lingpai.store.postgresql.issuer.devices import Devices
from lingpai.store.postgresql.issuer.grants import Grants
from lingpai.store.postgresql.issuer.identities import Identities
from lingpai.store.postgresql.issuer.members import Members
from lingpai.store.postgresql.issuer.pushed import PushedRequests
from lingpai.store.postgresql.issuer.quotas import Quotas
from lingpai.store.postgresql.issuer.registrations import RegisteredApps
from lingpai.store.postgresql.issuer.resources import Resources
from lingpai.store.postgresql.issuer.sessions import Sessions
from lingpai.store.postgresql.issuer.signing_keys import SigningKeys
from lingpai.store.postgresql.issuer.slots import Slots
from lingpai.store.postgresql.issuer.terminals import Terminals
from lingpai.store.postgresql.issuer.upkeep import Upkeep
from lingpai.store.postgresql.issuer.users import Users
from lingpai.store.postgresql.recording import Recorded
from lingpai.store.postgresql.repository import Repository
from lingpai.store.postgresql.store import PostgresStore


class PostgresIssuerStore(
    RegisteredApps,
    Users,
    Identities,
    Terminals,
    Members,
    Grants,
    Slots,
    Devices,
    PushedRequests,
    Quotas,
    Resources,
    Sessions,
    SigningKeys,
    Upkeep,
    Recorded,
):
    """`store.issuer_port.IssuerStore` in one database. Made by `open`, or by `beside` a store that is open."""

    @classmethod
    async def open(cls, dsn: str, ring: KeyRing, clock: Clock) -> "PostgresIssuerStore":
        """Open the store in the database `dsn` names, on an engine of its own, and bring its schema up to date.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
            KeyRingError: the database is sealed with another key ring.
        """
        return cls.beside(await PostgresStore.open(dsn, ring, clock))

    @classmethod
    def beside(cls, store: Repository) -> "PostgresIssuerStore":
        """The issuer's verbs on the engine of an open store, so that both share its connections.

        Close that store only.
        """
        return cls(store._engine, store._vault, store._clock)  # noqa: SLF001  parts of one store

    async def close(self) -> None:
        """Finish what is waiting and let go of everything. Safe to call twice."""
        await self._engine.close()
