"""Verbs that keep the store in order (`store.port`)."""

from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.clock import Clock
from lingpai.core.seals import sealed_with
from lingpai.store.port import Store
from lingpai.store.rows import moment
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.sqlite.space import demand_space
from lingpai.store.upkeep import PURGES, SEALED, newest_seals, opens, samples
from lingpai.store.vault import Vault

_SQL: Final = load_queries("upkeep")
_IDLE: Final = 86_400.0
"""Seconds after which what is held for a secret that nobody configured is forgotten."""


class Upkeep(Repository, Store):
    """See `store.port.Store`."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        super().__init__(engine, vault, clock)
        self.mark, self.validity = engine.mark, engine.validity  # type: ignore[method-assign]
        self.is_valid = engine.is_valid  # type: ignore[method-assign]  # one call less in each cached answer

    @override
    async def wait_change(self, seconds: float) -> None:
        await self._engine.wait_change(seconds)

    @override
    async def purge(self, limit: int) -> int:

        def remove(connection: apsw.Connection) -> int:
            bindings = moment(self._clock) | {"limit": limit, "idle_since": self._clock.now() - _IDLE}
            return sum(len(run(connection, _SQL[query], bindings)) for query in PURGES)

        return await self._engine.write(remove)

    @override
    async def sealed_counts(self) -> dict[int, int]:

        def count(connection: apsw.Connection) -> dict[int, int]:
            return {sealed_with(key): n for key, n in run(connection, _SQL["sealed_counts"])}

        return await self._engine.scan(count)

    @override
    async def unopened(self) -> tuple[int, ...]:

        def read(connection: apsw.Connection) -> tuple[int, ...]:
            return tuple(
                key.id
                for key in self._vault.ring.keys
                if not all(
                    opens(self._vault, column, run(connection, query, (key.id.to_bytes(4, "big"),)))
                    for column, query in samples("?").items()
                )
            )

        return await self._engine.scan(read)

    @override
    async def newest_seal(self) -> int | None:
        found = [row for query in newest_seals() for row in self._engine.rows(query)]
        return max((sealed_with(key) for (key,) in found), default=None)

    @override
    async def reseal(self, limit: int) -> int:

        def seal_anew(connection: apsw.Connection) -> int:
            newest = self._vault.ring.newest.id.to_bytes(4, "big")
            done = 0
            for column, find, save in SEALED:
                for row_id, sealed, *row in run(connection, _SQL[find], (newest, limit - done)):
                    value = self._vault.open(sealed, column, *row)
                    run(connection, _SQL[save], (self._vault.seal(value, column, *row), row_id))
                    done += 1
            return done

        return await self._engine.write(seal_anew)

    @override
    async def ping(self) -> None:
        demand_space(self._engine.path)

        def probe(connection: apsw.Connection) -> None:
            run(connection, _SQL["probe"], (self._clock.now(),))

        await self._engine.write(probe)
        self._engine.rows("SELECT at FROM probes")
