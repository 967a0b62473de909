"""Verbs on resource servers (`store.directory_port`)."""

from collections.abc import Mapping
from functools import partial
from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.issuer_records import Resource
from lingpai.store.directory_port import Directory
from lingpai.store.issuer_rows import read_resource, resource_columns
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("issuer_resources")


class Resources(Repository, Directory):
    """See `store.directory_port.Directory`."""

    @override
    async def find_resource(self, realm: str, uri: str) -> Resource | None:
        return self._resources_by_uri(realm).get(uri)

    @override
    async def list_resources(self, realm: str) -> tuple[Resource, ...]:
        return tuple(self._resources_by_uri(realm).values())

    @override
    async def save_resource(self, resource: Resource) -> Resource:

        def save(connection: apsw.Connection) -> Resource:
            return read_resource(run(connection, _SQL["save_resource"], resource_columns(resource))[0])

        return await self._engine.write(save)

    @override
    async def replace_resource(self, known: Resource | None, resource: Resource) -> Resource | None:

        def replace(connection: apsw.Connection) -> Resource | None:
            rows = run(connection, _SQL["find_resource"], (resource.realm, resource.uri))
            if [*map(read_resource, rows)] != ([] if known is None else [known]):
                return None
            return read_resource(run(connection, _SQL["save_resource"], resource_columns(resource))[0])

        return await self._engine.write(replace)

    @override
    async def remove_resource(self, realm: str, uri: str) -> bool:

        def remove(connection: apsw.Connection) -> bool:
            return bool(run(connection, _SQL["remove_resource"], (realm, uri)))

        return await self._engine.write(remove)

    def _resources_by_uri(self, realm: str) -> Mapping[str, Resource]:
        """Every resource server of a realm by its URI: there are few, and what is asked for is a stranger's text."""
        return self._engine.cached(("issuer resources", realm), partial(self._resources_of, realm))

    def _resources_of(self, realm: str) -> Mapping[str, Resource]:
        found = map(read_resource, self._engine.rows(_SQL["list_resources"], (realm,)))
        return {resource.uri: resource for resource in found}
