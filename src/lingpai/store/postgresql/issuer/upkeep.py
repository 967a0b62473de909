"""Verbs that keep the issuer's tables in order (`store.issuer_port`)."""

from collections import Counter
from functools import partial
from typing import Final

from typing_extensions import override

from lingpai.core.clock import Clock
from lingpai.core.seals import sealed_with
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.issuer_rows import SECRET_COLUMN
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.engine import Engine
from lingpai.store.postgresql.issuer.identities import SEALED_ELSEWHERE, reseal_elsewhere
from lingpai.store.postgresql.issuer.signing_keys import SEALED, reseal_signing_keys
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.user_rows import open_password, seal_password
from lingpai.store.vault import Vault

_SQL: Final = load_queries("issuer_upkeep")
_PASSWORDS: Final = load_queries("issuer_passwords")
_PURGES: Final = tuple(name for name in _SQL if name.startswith("purge_"))


SWEEP_SECONDS: Final = 3600
"""Seconds after which purging begins at the oldest again, for rows that were in use when it passed by."""
_FIRST: Final = -(2**63)


class Upkeep(IssuerRepository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        super().__init__(engine, vault, clock)
        self._reached: dict[str, int] = {}
        self._swept_at = _FIRST

    @override
    async def anchor(self) -> float:
        epoch = self._clock.epoch
        found = await self._engine.rows(_SQL["read_anchor"], epoch)
        if not found:
            await self._change(_SQL["set_anchor"], epoch, self._clock.now() - self._clock.steady())
            found = await self._engine.rows(_SQL["read_anchor"], epoch)
        return float(found[0][0])

    @override
    async def purge_issuer(self, now: int, limit: int) -> int:
        done = 0
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at, self._reached = now, {}
        for query in _PURGES:  # each in a commit of its own, so that none locks its rows for long
            reached = self._reached.get(query, _FIRST)
            found, last = await self._engine.transact(partial(_remove, query, now, limit, reached))
            self._reached[query] = reached if last is None else last
            done += found
        return done

    @override
    async def sealed_secrets(self) -> dict[int, int]:
        counts: Counter[int] = Counter()
        for query in (
            _SQL["sealed_secrets"],
            _PASSWORDS["sealed_passwords"],
            SEALED,
            *SEALED_ELSEWHERE.values(),
        ):
            counts.update({sealed_with(key): n for key, n in await self._engine.scan(query)})
        return dict(counts)

    @override
    async def reseal_secrets(self, limit: int) -> int:

        async def seal_anew(connection: Connection) -> int:
            newest = self._vault.ring.newest.id.to_bytes(4, "big")
            stale = await connection.fetch(_SQL["stale_secrets"], newest, limit)
            for row_id, sealed, *row in stale:
                clear = self._vault.open(sealed, SECRET_COLUMN, *row)
                again = self._vault.seal(clear, SECRET_COLUMN, *row)
                await connection.execute(_SQL["reseal_secret"], row_id, again)
            users = await connection.fetch(_PASSWORDS["stale_passwords"], newest, limit - len(stale))
            for user, realm, clear, sealed in users:
                password_hash = open_password(self._vault, realm, user, clear, sealed)
                anew = seal_password(self._vault, realm, user, password_hash)
                await connection.execute(_PASSWORDS["keep_password"], anew, user)
            done = len(stale) + len(users)
            done += await reseal_signing_keys(connection, self._vault, limit - done)
            return done + await reseal_elsewhere(connection, self._vault, limit - done)

        return await self._engine.transact(seal_anew)


async def _remove(
    query: str, now: int, limit: int, reached: int, connection: Connection
) -> tuple[int, int | None]:
    """Remove a batch; returns how many rows were looked at, and where the next one begins."""
    row = await connection.fetchrow(_SQL[query], now, limit, reached)
    return (0, None) if row is None else (row[0], row[1])
