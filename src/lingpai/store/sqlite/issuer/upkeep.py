"""Verbs that keep the issuer's tables in order (`store.issuer_port`)."""

from collections import Counter
from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.seals import sealed_with
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.issuer_rows import SECRET_COLUMN
from lingpai.store.sqlite.issuer.identities import SEALED_ELSEWHERE, reseal_elsewhere
from lingpai.store.sqlite.issuer.signing_keys import SEALED, reseal_signing_keys
from lingpai.store.sqlite.queries import change, load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.user_rows import open_password, seal_password

_SQL: Final = load_queries("issuer_upkeep")
_PASSWORDS: Final = load_queries("issuer_passwords")
_PURGES: Final = tuple(name for name in _SQL if name.startswith("purge_"))


class Upkeep(Repository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def anchor(self) -> float:
        epoch = self._clock.epoch
        found = self._engine.rows(_SQL["read_anchor"], (epoch,))
        if found:
            return float(found[0][0])
        anchor = self._clock.now() - self._clock.steady()

        def keep(connection: apsw.Connection) -> float:
            run(connection, _SQL["set_anchor"], (epoch, anchor))
            return float(run(connection, _SQL["read_anchor"], (epoch,))[0][0])

        return await self._engine.write(keep)

    @override
    async def purge_issuer(self, now: int, limit: int) -> int:

        def remove(connection: apsw.Connection) -> int:
            return sum(change(connection, _SQL[query], {"now": now, "limit": limit}) for query in _PURGES)

        return await self._engine.write(remove)

    @override
    async def sealed_secrets(self) -> dict[int, int]:

        def count(connection: apsw.Connection) -> dict[int, int]:
            counts: Counter[int] = Counter()
            for query in (
                _SQL["sealed_secrets"],
                _PASSWORDS["sealed_passwords"],
                SEALED,
                *SEALED_ELSEWHERE.values(),
            ):
                counts.update({sealed_with(key): n for key, n in run(connection, query)})
            return dict(counts)

        return await self._engine.scan(count)

    @override
    async def reseal_secrets(self, limit: int) -> int:

        def seal_anew(connection: apsw.Connection) -> int:
            newest = self._vault.ring.newest.id.to_bytes(4, "big")
            stale = run(connection, _SQL["stale_secrets"], (newest, limit))
            for row_id, sealed, *row in stale:
                clear = self._vault.open(sealed, SECRET_COLUMN, *row)
                run(connection, _SQL["reseal_secret"], (self._vault.seal(clear, SECRET_COLUMN, *row), row_id))
            users = run(connection, _PASSWORDS["stale_passwords"], (newest, limit - len(stale)))
            for user, realm, clear, sealed in users:
                password_hash = open_password(self._vault, realm, user, clear, sealed)
                anew = seal_password(self._vault, realm, user, password_hash)
                run(connection, _PASSWORDS["keep_password"], (anew, user))
            done = len(stale) + len(users)
            done += reseal_signing_keys(connection, self._vault, limit - done)
            return done + reseal_elsewhere(connection, self._vault, limit - done)

        return await self._engine.write(seal_anew)
