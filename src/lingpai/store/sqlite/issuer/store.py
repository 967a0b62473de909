"""The issuer's store on SQLite: all verbs of its port over one engine."""

import asyncio
from pathlib import Path

from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.issuer.devices import Devices
from lingpai.store.sqlite.issuer.grants import Grants
from lingpai.store.sqlite.issuer.identities import Identities
from lingpai.store.sqlite.issuer.members import Members
from lingpai.store.sqlite.issuer.pushed import PushedRequests
from lingpai.store.sqlite.issuer.quotas import Quotas
from lingpai.store.sqlite.issuer.registrations import RegisteredApps
from lingpai.store.sqlite.issuer.resources import Resources
from lingpai.store.sqlite.issuer.sessions import Sessions
from lingpai.store.sqlite.issuer.signing_keys import SigningKeys
from lingpai.store.sqlite.issuer.slots import Slots
from lingpai.store.sqlite.issuer.terminals import Terminals
from lingpai.store.sqlite.issuer.upkeep import Upkeep
from lingpai.store.sqlite.issuer.users import Users
from lingpai.store.sqlite.recording import Recorded
from lingpai.store.sqlite.repository import Repository
from lingpai.store.sqlite.schema import apply_migrations
from lingpai.store.vault import Vault


class SqliteIssuerStore(
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
    """`store.issuer_port.IssuerStore` in one file. Made by `open`, or by `beside` a store that is open."""

    @classmethod
    async def open(cls, path: Path, ring: KeyRing, clock: Clock, floor: int = 0) -> "SqliteIssuerStore":
        """Open the store at `path` on an engine of its own; see `SqliteStore.open`.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        await asyncio.to_thread(apply_migrations, path)
        return cls(Engine(path, floor), Vault(ring), clock)

    @classmethod
    def beside(cls, store: Repository) -> "SqliteIssuerStore":
        """The issuer's verbs on the engine of an open store, so that both share commits.

        Close that store only.
        """
        return cls(store._engine, store._vault, store._clock)  # noqa: SLF001  parts of one store

    async def close(self) -> None:
        """Finish what is waiting and let go of everything. Safe to call twice."""
        await self._engine.close()
