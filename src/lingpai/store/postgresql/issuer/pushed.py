"""Verbs on pushed authorization requests (`store.issuer_port`)."""

from typing import Final

import msgspec
from typing_extensions import override

from lingpai.core.authorization_records import Pushed
from lingpai.store.authorization_rows import pushed_columns, read_pushed
from lingpai.store.issuer_port import IssuerStore, SignedRequest
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import IssuerRepository, request_arguments
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_pushed")
_GRANTS: Final = load_queries("issuer_grants")


class PushedRequests(IssuerRepository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def add_pushed(self, pushed: Pushed, *, request: SignedRequest | None = None) -> Pushed | None:
        columns = pushed_columns(pushed)
        if request is None:
            added = await self._engine.call(_SQL["add_pushed"], *columns)
            return msgspec.structs.replace(pushed, id=added[0][0])

        async def add(connection: Connection) -> Pushed | None:
            once = ([each] for each in request_arguments(request))
            if not await connection.fetch(_GRANTS["remember_request"], *once):
                return None
            row: int = await connection.fetchval(
                _SQL["add_pushed"], *([column] for column in columns), column=1
            )
            return msgspec.structs.replace(pushed, id=row)

        return await self._engine.transact(add)

    @override
    async def read_pushed(self, pushed: int) -> Pushed | None:
        rows = await self._engine.read(_SQL["read_pushed"], pushed)
        return read_pushed(rows[0]) if rows else None
