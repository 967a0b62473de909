"""Verbs on what is kept of operators (`store.administration_port`)."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from typing_extensions import override

from lingpai.core.audit import AdminKey, AuditRow
from lingpai.core.console_records import ConsoleSession
from lingpai.store import administration as shared
from lingpai.store import administration_port
from lingpai.store.administration import Statements
from lingpai.store.administration_port import AuditFilter, Kept
from lingpai.store.queries import Row
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.recording import Recorded, WriterStatements
from lingpai.store.transaction import finish

_SQL: Final = load_queries("administration")
T = TypeVar("T")


class Administration(Recorded, administration_port.Administration):
    """See `store.administration_port.Administration`."""

    @override
    async def list_audit(self, wanted: AuditFilter, before: int | None, limit: int) -> tuple[AuditRow, ...]:
        arguments = shared.audit_arguments(wanted, before, limit)
        return tuple(map(shared.read_row, await self._look("list_audit", *arguments)))

    @override
    async def read_audit(self, after: int, limit: int) -> tuple[AuditRow, ...]:
        return tuple(map(shared.read_row, await self._look("read_audit", after, limit)))

    @override
    async def audit_head(self) -> tuple[int, bytes]:
        rows = await self._look("audit_head")
        return (rows[0][0], bytes(rows[0][1])) if rows else (0, b"")

    @override
    async def add_admin_key(self, key: AdminKey, digest: bytes) -> bool:
        return await self._changes("add_admin_key", *shared.key_columns(key, digest))

    @override
    async def find_admin_key(self, key_id: str) -> tuple[AdminKey, bytes] | None:
        for digest, *columns in await self._look("find_admin_key", key_id):
            return shared.read_key(tuple(columns)), bytes(digest)
        return None

    @override
    async def list_admin_keys(self) -> tuple[AdminKey, ...]:
        return tuple(map(shared.read_key, await self._look("list_admin_keys")))

    @override
    async def remove_admin_key(self, name: str) -> bool:
        return await self._changes("remove_admin_key", self._clock.now(), name)

    @override
    async def touch_admin_key(self, key: int, at: float) -> None:
        await self._changes("touch_admin_key", key, at)

    @override
    async def claim_answer(self, digest: bytes, body: bytes, nonce: bytes, ends_at: float) -> Kept | None:
        now = self._clock.now()
        return await self._carry_out(
            lambda statements: shared.claim(statements, now, digest, body, nonce, ends_at)
        )

    @override
    async def keep_answer(self, digest: bytes, status: int, answer: str, ends_at: float) -> None:
        await self._changes("keep_answer", status, answer, ends_at, digest)

    @override
    async def drop_answer(self, digest: bytes) -> None:
        await self._changes("drop_answer", digest)

    @override
    async def add_console_session(self, session: ConsoleSession, digest: bytes) -> bool:
        return await self._changes("add_console_session", *shared.session_columns(session, digest))

    @override
    async def find_console_session(self, digest: bytes) -> ConsoleSession | None:
        rows = await self._look("find_console_session", digest)
        return shared.read_session(rows[0]) if rows else None

    @override
    async def list_console_sessions(self, limit: int) -> tuple[tuple[bytes, ConsoleSession], ...]:
        rows = await self._look("list_console_sessions", limit)
        return tuple((bytes(digest), shared.read_session(tuple(rest))) for digest, *rest in rows)

    @override
    async def take_console_link(self, digest: bytes) -> ConsoleSession | None:
        async def take(statements: Statements) -> ConsoleSession | None:
            rows = await statements.rows("take_console_link", digest)
            return shared.read_session(rows[0]) if rows else None

        return await self._carry_out(take)

    @override
    async def touch_console_session(self, digest: bytes, at: float) -> None:
        await self._changes("touch_console_session", at, digest, at)

    @override
    async def end_console_session(self, digest: bytes) -> bool:
        return await self._changes("end_console_session", digest)

    @override
    async def purge_administration(self, audit_before: float, limit: int) -> int:
        now = self._clock.now()

        async def purge(statements: Statements) -> int:
            await statements.rows("erase_nonces", now)
            purged = [
                await statements.rows("purge_answers", now, limit),
                await statements.rows("purge_console_sessions", now, limit),
                await statements.rows("purge_audit", audit_before, limit),
            ]
            return sum(map(len, purged))

        return await self._carry_out(purge)

    async def _changes(self, query: str, *arguments: Any) -> bool:
        async def change(statements: Statements) -> bool:
            return bool(await statements.rows(query, *arguments))

        return await self._carry_out(change)

    async def _carry_out(self, verb: Callable[[Statements], Coroutine[Any, Any, T]]) -> T:
        return await self._engine.write(lambda connection: finish(verb(WriterStatements(connection))))

    async def _look(self, query: str, *arguments: Any) -> Sequence[Row]:
        def read(connection: Connection) -> Sequence[Row]:
            return run(connection, _SQL[query], arguments)

        return await self._engine.scan(read)
