"""Verbs on what platforms push (`store.pushes_port`)."""

from typing import Any, Final

import msgspec
from typing_extensions import override

from lingpai.core.third_parties import Push
from lingpai.store import pushes_port
from lingpai.store.pushes import read_push, write_push
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("pushes")


class Pushes(Repository, pushes_port.Pushes):
    """See `store.pushes_port.Pushes`."""

    @override
    async def keep_push(self, push: Push) -> Push | None:
        rows = await self._change_push("keep_push", *write_push(push, self._vault))
        return msgspec.structs.replace(push, id=rows[0][0]) if rows else None

    @override
    async def find_push(self, digest: bytes) -> Push | None:
        rows = self._engine.rows(_SQL["find_push"], (digest,))
        return read_push(rows[0], self._vault) if rows else None

    @override
    async def due_pushes(self, now: float, limit: int) -> tuple[Push, ...]:
        rows = self._engine.rows(_SQL["due_pushes"], (now, limit))
        return tuple(read_push(row, self._vault) for row in rows)

    @override
    async def claim_push(self, push: Push, next_at: float) -> Push | None:
        if not await self._change_push("claim_push", push.id, push.attempts, next_at):
            return None
        return msgspec.structs.replace(push, attempts=push.attempts + 1, next_at=next_at)

    @override
    async def postpone_push(self, push: Push, next_at: float, outcome: str) -> bool:
        return bool(await self._change_push("postpone_push", push.id, push.attempts, next_at, outcome))

    @override
    async def settle_push(self, push: Push, outcome: str) -> bool:
        return bool(await self._change_push("settle_push", push.id, outcome))

    async def _change_push(self, query: str, *bindings: Any) -> Any:
        return await self._engine.write(lambda connection: run(connection, _SQL[query], bindings))
