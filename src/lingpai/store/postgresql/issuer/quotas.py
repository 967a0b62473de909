"""Quotas, replays of signed requests, and attempts (`store.issuer_port`)."""

import asyncio
from collections.abc import Sequence
from typing import Final

from typing_extensions import override

from lingpai.store.issuer_port import Attempts, IssuerStore, Owner, Quota, SignedRequest
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import (
    IssuerRepository,
    quota_arguments,
    request_arguments,
)
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_grants")


class _FullError(Exception):
    """An attempt is refused. Rolls back, as it opened the windows of those who had room."""

    def __init__(self, until: int) -> None:
        self.until = until


class Quotas(IssuerRepository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def take_quota(self, quota: Quota) -> bool:
        return bool(await self._engine.call(_SQL["take_quota"], *quota_arguments(quota)))

    @override
    async def remember_request(self, request: SignedRequest) -> bool:
        return bool(await self._engine.call(_SQL["remember_request"], *request_arguments(request)))

    @override
    async def knows_request(self, request: SignedRequest) -> bool:
        return bool(await self._engine.read(_SQL["find_request"], *request[:3]))

    @override
    async def take_attempts(
        self, subjects: Sequence[tuple[bytes, int]], now: int, ends_at: int
    ) -> int | None:
        digests, limits = [digest for digest, _ in subjects], [limit for _, limit in subjects]

        async def take(connection: Connection) -> None:
            full = await connection.fetchval(_SQL["take_attempts"], digests, limits, now, ends_at)
            if full is not None:
                raise _FullError(full)

        try:
            await self._engine.transact(take)
        except _FullError as full:
            return full.until
        return None

    @override
    async def read_attempts(self, subjects: Sequence[bytes], now: int) -> tuple[Attempts, ...]:
        found = await asyncio.gather(
            *(self._engine.begin_read(_SQL["read_attempts"], digest, now) for digest in subjects)
        )
        return tuple(Attempts(*rows[0]) if rows else Attempts(0, 0) for rows in found)

    @override
    async def return_attempts(self, subjects: Sequence[bytes]) -> None:
        await self._change(_SQL["return_attempts"], list(subjects))

    @override
    async def forget_attempts(self, subjects: Sequence[bytes]) -> None:
        await self._change(_SQL["forget_attempts"], list(subjects))

    @override
    async def keep_marks(
        self, owner: Owner, row: int, marks: Sequence[bytes], ends_at: int, most: int
    ) -> None:

        async def keep(connection: Connection) -> None:
            await connection.execute(_SQL["keep_marks"], int(owner), row, list(marks), ends_at)
            await connection.execute(_SQL["trim_marks"], int(owner), row, most)

        await self._engine.transact(keep)

    @override
    async def find_marks(self, owner: Owner, row: int, marks: Sequence[bytes], now: int) -> frozenset[bytes]:
        rows = await self._engine.rows(_SQL["find_marks"], int(owner), row, list(marks), now)
        return frozenset(digest for (digest,) in rows)
