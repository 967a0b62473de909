"""Verbs on webhooks (`store.hooks_port`)."""

from typing import Any, Final

from typing_extensions import override

from lingpai.core.hooks import Hook
from lingpai.store import hooks_port
from lingpai.store.hooks import read_hook, write_hook
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("hooks")


class Hooks(Repository, hooks_port.Hooks):
    """See `store.hooks_port.Hooks`."""

    @override
    async def add_hook(self, hook: Hook) -> bool:
        return await self._change_hook("add_hook", *write_hook(hook, self._vault))

    @override
    async def find_hook(self, name: str) -> Hook | None:
        rows = self._engine.rows(_SQL["find_hook"], (name,))
        return read_hook(rows[0], self._vault) if rows else None

    @override
    async def list_hooks(self) -> tuple[Hook, ...]:
        return tuple(read_hook(row, self._vault) for row in self._engine.rows(_SQL["list_hooks"]))

    @override
    async def replace_hook(self, known: Hook, hook: Hook) -> bool:
        return await self._change_hook("replace_hook", *write_hook(hook, self._vault), known.revision)

    @override
    async def remove_hook(self, name: str) -> bool:
        return await self._change_hook("remove_hook", name)

    async def _change_hook(self, query: str, *bindings: Any) -> bool:
        return await self._engine.write(lambda connection: bool(run(connection, _SQL[query], bindings)))
