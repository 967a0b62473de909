"""A transaction of the writer thread, for verbs that both engines share; see `store.transaction`."""

from typing import Any, Final

from typing_extensions import override

from lingpai.core.issuer_records import Grant
from lingpai.store.queries import Row
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.issuer.slots import insert_grant
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.transaction import Transaction

_SQL: Final = {
    name: text
    for topic in ("issuer_grants", "issuer_logouts", "issuer_upkeep")
    for name, text in load_queries(topic).items()
}


class WriterTransaction(Transaction):
    """Runs statements by the writer's connection; nothing waits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @override
    async def rows(self, query: str, *arguments: Any) -> list[Row]:
        return run(self._connection, _SQL[query], arguments)

    @override
    async def add_grant(self, grant: Grant) -> int:
        return insert_grant(self._connection, grant).id
