"""Verbs on pushed authorization requests (`store.issuer_port`)."""

from typing import Final

import apsw
import msgspec
from typing_extensions import override

from lingpai.core.authorization_records import Pushed
from lingpai.store.authorization_rows import pushed_columns, read_pushed
from lingpai.store.issuer_port import IssuerStore, SignedRequest
from lingpai.store.sqlite.issuer.quotas import is_known, remember
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("issuer_pushed")


class PushedRequests(Repository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def add_pushed(self, pushed: Pushed, *, request: SignedRequest | None = None) -> Pushed | None:

        def add(connection: apsw.Connection) -> Pushed | None:
            if is_known(connection, request):
                return None
            remember(connection, request)
            row = run(connection, _SQL["add_pushed"], pushed_columns(pushed))[0][0]
            return msgspec.structs.replace(pushed, id=row)

        return await self._engine.add(add)

    @override
    async def read_pushed(self, pushed: int) -> Pushed | None:
        rows = self._engine.rows(_SQL["read_pushed"], (pushed,))
        return read_pushed(rows[0]) if rows else None
