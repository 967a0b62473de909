"""Verbs on accounts (`store.port`)."""

from collections.abc import Sequence
from typing import Any, Final

from typing_extensions import override

from lingpai.core.clock import Clock
from lingpai.core.records import Account
from lingpai.store.port import Store
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.engine import Engine
from lingpai.store.postgresql.memo import Memo
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.repository import Repository
from lingpai.store.queries import Row
from lingpai.store.rows import read_account, write_further, write_names
from lingpai.store.vault import Vault

_SQL: Final = load_queries("accounts")
TOKEN_KIND: Final = "access_token"  # noqa: S105  a kind, not a secret


class Accounts(Repository, Store):
    """See `store.port.Store`."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        super().__init__(engine, vault, clock)
        self._accounts = Memo(self._read_accounts)

    @override
    async def save_account(self, account: Account) -> bool:
        columns = self._columns(account)

        async def save(connection: Connection) -> bool:
            await connection.execute(_SQL["lock_account"], account.platform, account.account)
            return await self._save(connection, account, columns)

        return await self._engine.transact(save)

    @override
    async def replace_account(self, known: Account | None, account: Account) -> bool:
        columns = self._columns(account)

        async def replace(connection: Connection) -> bool:
            await connection.execute(_SQL["lock_account"], account.platform, account.account)
            rows = await connection.fetch(_SQL["find_accounts"], [account.platform], [account.account])
            stored = self._read_accounts([tuple(row)[1:] for row in rows])
            if [each for each in stored if each.label == account.label] != ([] if known is None else [known]):
                return False
            await self._save(connection, account, columns)
            return True

        return await self._engine.transact(replace)

    def _columns(self, account: Account) -> tuple[Any, ...]:
        name = (account.platform, account.account, account.label)
        sealed = self._vault.seal(account.secret, "accounts.secret", *name)
        digest = self._vault.digest_secret(account.secret)
        domains, origins = write_names(account.domains), write_names(account.origins)
        further = write_further(account, self._vault)
        shown = (account.mode, domains, account.source, account.hand_out, origins)
        return (*name, sealed, digest, *shown, further)

    async def _save(self, connection: Connection, account: Account, columns: tuple[Any, ...]) -> bool:
        """Insert or replace an account whose id is locked; return whether it is new."""
        name, digest = columns[:3], columns[4]
        before = await connection.fetchrow(_SQL["find_account"], *name)
        await connection.execute(_SQL["save_account"], *columns)
        if before is not None and before[0] != digest:
            await connection.execute(_SQL["take_over_terminals"], *name[:2], before[0], digest)
            await connection.execute(_SQL["remove_held"], *name[:2], before[0])
        now = (self._clock.now(), self._clock.steady(), self._clock.epoch)
        again = before is None or tuple(before) != (digest, account.mode)
        await connection.execute(_SQL["make_due"], *name[:2], digest, TOKEN_KIND, *now, again)
        return before is None

    @override
    async def remove_account(
        self, platform: str, account: str, label: str, known: Account | None = None
    ) -> bool:

        async def remove(connection: Connection) -> bool:
            await connection.execute(_SQL["lock_account"], platform, account)
            if known is not None:
                rows = await connection.fetch(_SQL["find_accounts"], [platform], [account])
                stored = self._read_accounts([tuple(row)[1:] for row in rows])
                if [each for each in stored if each.label == label] != [known]:
                    return False
            removed = await connection.fetchrow(_SQL["remove_account"], platform, account, label)
            if removed is None:
                return False
            await connection.execute(_SQL["remove_held"], platform, account, removed[0])
            return True

        return await self._engine.transact(remove)

    @override
    async def find_accounts(self, platform: str, account: str) -> tuple[Account, ...]:
        return self._accounts(await self._engine.read(_SQL["find_accounts"], platform, account))

    @override
    async def list_accounts(self) -> tuple[Account, ...]:
        return self._read_accounts(await self._engine.scan(_SQL["list_accounts"]))

    def _read_accounts(self, rows: Sequence[Row]) -> tuple[Account, ...]:
        return tuple(read_account(row, self._vault) for row in rows)
