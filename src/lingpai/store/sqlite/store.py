"""The store on SQLite: all verbs of the port over one engine."""

import asyncio
from pathlib import Path

from typing_extensions import override

from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing
from lingpai.store.port import Store
from lingpai.store.sqlite.accounts import Accounts
from lingpai.store.sqlite.administration import Administration
from lingpai.store.sqlite.budgets import Budgets
from lingpai.store.sqlite.callers import Callers
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.events import Events
from lingpai.store.sqlite.exchanges import Exchanges
from lingpai.store.sqlite.hooks import Hooks
from lingpai.store.sqlite.leases import Leases
from lingpai.store.sqlite.proofs import Proofs
from lingpai.store.sqlite.pushes import Pushes
from lingpai.store.sqlite.relays import Relays
from lingpai.store.sqlite.roles import Roles
from lingpai.store.sqlite.schema import apply_migrations
from lingpai.store.sqlite.upkeep import Upkeep
from lingpai.store.vault import Vault


class SqliteStore(
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
    """`store.port.Store` in one file. Made by `open`; used from the event loop that it was opened on."""

    @classmethod
    async def open(cls, path: Path, ring: KeyRing, clock: Clock, floor: int = 0) -> "SqliteStore":
        """Open the store at `path`, making it (0600, in a directory of 0700) and bringing its schema up to date.

        Args:
            path: the database's file; SQLite keeps two more beside it.
            ring: the keys that seal what is secret.
            clock: the time by which ends pass.
            floor: bytes of free space below which the issuer adds nothing; 0 for no floor.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        await asyncio.to_thread(apply_migrations, path)
        return cls(Engine(path, floor), Vault(ring), clock)

    @override
    async def close(self) -> None:
        await self._engine.close()
