"""A transaction of a connection, for verbs that both engines share; see `store.transaction`."""

from collections.abc import Sequence
from typing import Any, Final

from typing_extensions import override

from lingpai.core.issuer_records import Grant
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import grant_arguments
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.queries import Row
from lingpai.store.transaction import Transaction

_SQL: Final = {
    name: text
    for topic in ("issuer_grants", "issuer_logouts", "issuer_upkeep")
    for name, text in load_queries(topic).items()
}


class ConnectionTransaction(Transaction):
    """Runs statements by a connection, each in a round trip."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @override
    async def rows(self, query: str, *arguments: Any) -> Sequence[Row]:
        rows: Sequence[Row] = await self._connection.fetch(_SQL[query], *arguments)  # type: ignore[assignment]
        return rows

    @override
    async def add_grant(self, grant: Grant) -> int:
        arguments = ([each] for each in grant_arguments(grant))
        ((_, row),) = await self._connection.fetch(_SQL["add_grant"], *arguments)
        added: int = row
        return added
