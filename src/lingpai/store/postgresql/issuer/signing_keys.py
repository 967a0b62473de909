"""Verbs on signing keys (`store.issuer_port`)."""

from typing import Final

from typing_extensions import override

from lingpai.core.issuer_records import SigningKey
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.issuer_rows import SIGNING_KEY_COLUMN, read_signing_key, signing_key_columns
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.vault import Vault

_SQL: Final = load_queries("issuer_signing_keys")
SEALED: Final = _SQL["sealed_signing_keys"]


class SigningKeys(IssuerRepository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def list_signing_keys(self, realm: str) -> tuple[SigningKey, ...]:
        rows = await self._engine.rows(_SQL["list_signing_keys"], realm)
        return tuple(read_signing_key(row, self._vault) for row in rows)

    @override
    async def add_signing_key(self, key: SigningKey, forget_before: int) -> bool:
        columns = signing_key_columns(key, self._vault)

        async def add(connection: Connection) -> bool:
            if await connection.fetchval(_SQL["add_signing_key"], *columns) is None:
                return False
            await connection.execute(_SQL["forget_signing_keys"], key.realm, key.alg, forget_before)
            return True

        return await self._engine.transact(add)


async def reseal_signing_keys(connection: Connection, vault: Vault, limit: int) -> int:
    """Seal up to `limit` private halves anew that are not sealed with the newest key; returns how many."""
    newest = vault.ring.newest.id.to_bytes(4, "big")
    stale = await connection.fetch(_SQL["stale_signing_keys"], newest, limit)
    for realm, alg, number, kid, sealed in stale:
        again = vault.seal(vault.open(sealed, SIGNING_KEY_COLUMN, realm, kid), SIGNING_KEY_COLUMN, realm, kid)
        await connection.execute(_SQL["reseal_signing_key"], again, realm, alg, number)
    return len(stale)
