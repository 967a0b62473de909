"""Verbs on resource servers (`store.directory_port`)."""

from typing import Any, Final

from typing_extensions import override

from lingpai.core.issuer_records import Resource
from lingpai.store.directory_port import Directory
from lingpai.store.issuer_rows import read_resource, resource_columns
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.memo import Memo
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_resources")


class Resources(IssuerRepository, Directory):
    """See `store.directory_port.Directory`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._resource = Memo(lambda rows: read_resource(rows[0]))

    @override
    async def find_resource(self, realm: str, uri: str) -> Resource | None:
        if "\0" in uri:  # comes from outside, and PostgreSQL has no such text
            return None
        rows = await self._engine.read(_SQL["find_resource"], realm, uri)
        return self._resource(rows) if rows else None

    @override
    async def list_resources(self, realm: str) -> tuple[Resource, ...]:
        return tuple(map(read_resource, await self._engine.rows(_SQL["list_resources"], realm)))

    @override
    async def save_resource(self, resource: Resource) -> Resource:
        return read_resource((await self._change(_SQL["save_resource"], *resource_columns(resource)))[0])

    @override
    async def replace_resource(self, known: Resource | None, resource: Resource) -> Resource | None:

        async def replace(connection: Connection) -> Resource | None:
            rows = await connection.fetch(_SQL["lock_resource"], resource.realm, resource.uri)
            if [read_resource(tuple(row)) for row in rows] != ([] if known is None else [known]):
                return None
            saved = await connection.fetch(_SQL["save_resource"], *resource_columns(resource))
            return read_resource(tuple(saved[0]))

        return await self._engine.transact(replace)

    @override
    async def remove_resource(self, realm: str, uri: str) -> bool:
        return bool(await self._change(_SQL["remove_resource"], realm, uri))
