"""Verbs on resource servers (`store.directory_port`)."""

from typing import Any, Final

from lingpai.core.issuer_records import Resource
from lingpai.store.issuer_rows import read_resource, resource_columns
from lingpai.store.postgresql.issuer.verbs import Changes
from lingpai.store.postgresql.memo import Memo
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_resources")


class Resources(Changes):
    """See `store.directory_port.Directory`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._resource = Memo(lambda rows: read_resource(rows[0]))

    async def find_resource(self, realm: str, uri: str) -> Resource | None:
        """See `store.directory_port.Directory.find_resource`."""
        if "\0" in uri:  # comes from outside, and PostgreSQL has no such text
            return None
        rows = await self._engine.read(_SQL["find_resource"], realm, uri)
        return self._resource(rows) if rows else None

    async def list_resources(self, realm: str) -> tuple[Resource, ...]:
        """See `store.directory_port.Directory.list_resources`."""
        return tuple(map(read_resource, await self._engine.rows(_SQL["list_resources"], realm)))

    async def save_resource(self, resource: Resource) -> Resource:
        """See `store.directory_port.Directory.save_resource`."""
        return read_resource((await self._change(_SQL["save_resource"], *resource_columns(resource)))[0])

    async def remove_resource(self, realm: str, uri: str) -> bool:
        """See `store.directory_port.Directory.remove_resource`."""
        return bool(await self._change(_SQL["remove_resource"], realm, uri))
