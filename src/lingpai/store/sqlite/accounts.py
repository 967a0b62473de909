"""Verbs on accounts (`store.port`)."""

from typing import Any, Final

import apsw
from typing_extensions import override

from lingpai.core.records import Account
from lingpai.store.port import Store
from lingpai.store.rows import moment, read_account, write_further, write_names
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("accounts")
TOKEN_KIND: Final = "access_token"  # noqa: S105  a kind, not a secret


class Accounts(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def save_account(self, account: Account) -> bool:
        columns = self._columns(account)
        return await self._engine.write(lambda connection: self._save(connection, columns))

    @override
    async def replace_account(self, known: Account | None, account: Account) -> bool:
        columns = self._columns(account)

        def replace(connection: apsw.Connection) -> bool:
            rows = run(connection, _SQL["find_accounts"], (account.platform, account.account))
            found = [read_account(row, self._vault) for row in rows if row[2] == account.label]
            if found != ([] if known is None else [known]):
                return False
            self._save(connection, columns)
            return True

        return await self._engine.write(replace)

    def _columns(self, account: Account) -> dict[str, Any]:
        return {
            "platform": account.platform,
            "account": account.account,
            "label": account.label,
            "secret": self._vault.seal(
                account.secret, "accounts.secret", account.platform, account.account, account.label
            ),
            "secret_digest": self._vault.digest_secret(account.secret),
            "mode": account.mode,
            "domains": write_names(account.domains),
            "source": account.source,
            "hand_out": account.hand_out,
            "origins": write_names(account.origins),
            "further": write_further(account, self._vault),
            "kind": TOKEN_KIND,
        }

    def _save(self, connection: apsw.Connection, columns: dict[str, Any]) -> bool:
        """Insert or replace an account; return whether it is new."""
        before = run(connection, _SQL["find_account"], columns)
        same = bool(before) and before[0][1:] == (columns["secret_digest"], columns["mode"])
        run(connection, _SQL["save_account"], columns)
        if before and before[0][1] != columns["secret_digest"]:
            run(connection, _SQL["take_over_terminals"], columns | {"before": before[0][1]})
            run(connection, _SQL["remove_held"], columns | {"secret_digest": before[0][1]})
        run(connection, _SQL["make_due"], columns | moment(self._clock) | {"again": not same})
        return not before

    @override
    async def remove_account(
        self, platform: str, account: str, label: str, known: Account | None = None
    ) -> bool:

        def remove(connection: apsw.Connection) -> bool:
            rows = run(connection, _SQL["find_accounts"], (platform, account))
            if known is not None and [read_account(row, self._vault) for row in rows if row[2] == label] != [
                known
            ]:
                return False
            removed = run(connection, _SQL["remove_account"], (platform, account, label))
            for (secret_digest,) in removed:
                run(
                    connection,
                    _SQL["remove_held"],
                    {"platform": platform, "account": account, "secret_digest": secret_digest},
                )
            return bool(removed)

        return await self._engine.write(remove)

    @override
    async def find_accounts(self, platform: str, account: str) -> tuple[Account, ...]:
        return self._engine.cached(
            ("accounts", platform, account), lambda: self._read_accounts(platform, account)
        )

    @override
    async def list_accounts(self) -> tuple[Account, ...]:

        def read(connection: apsw.Connection) -> tuple[Account, ...]:
            rows = run(connection, _SQL["list_accounts"])
            return tuple(read_account(row, self._vault) for row in rows)

        return await self._engine.scan(read)

    def _read_accounts(self, platform: str, account: str) -> tuple[Account, ...]:
        rows = self._engine.rows(_SQL["find_accounts"], (platform, account))
        return tuple(read_account(row, self._vault) for row in rows)
