"""Quotas, replays of signed requests, and attempts (`store.issuer_port`)."""

from collections.abc import Sequence
from typing import Final

import apsw
from typing_extensions import override

from lingpai.store.issuer_port import Attempts, IssuerStore, Owner, Quota, SignedRequest
from lingpai.store.sqlite.queries import change, load_queries, run
from lingpai.store.sqlite.repository import Repository

_GRANTS: Final = load_queries("issuer_grants")
_SQL: Final = load_queries("issuer_upkeep")


def has_room(connection: apsw.Connection, quota: Quota | None) -> bool:
    """True when one more may be taken. Valid until the end of the transaction, in which nobody else writes."""
    if quota is None:
        return True
    rows = run(connection, _GRANTS["read_quota"], (quota.ends_at, quota.app, quota.subject))
    return int(rows[0][0] if rows else 0) < quota.limit


def count_quota(connection: apsw.Connection, quota: Quota | None) -> None:
    """Take one."""
    if quota is not None:
        change(connection, _GRANTS["take_quota"], (quota.ends_at, quota.app, quota.subject))


def is_known(connection: apsw.Connection, request: SignedRequest | None) -> bool:
    """True when a signed request was seen before. Valid until the end of the transaction."""
    return request is not None and bool(run(connection, _SQL["find_request"], request[:3]))


def remember(connection: apsw.Connection, request: SignedRequest | None) -> bool:
    """Remember a signed request. False when it is remembered already."""
    return request is not None and bool(change(connection, _SQL["remember_request"], request))


class Quotas(Repository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def take_quota(self, quota: Quota) -> bool:

        def take(connection: apsw.Connection) -> bool:
            room = has_room(connection, quota)
            if room:
                count_quota(connection, quota)
            return room

        return await self._engine.write(take)

    @override
    async def remember_request(self, request: SignedRequest) -> bool:

        def keep(connection: apsw.Connection) -> bool:
            return remember(connection, request)

        return await self._engine.add(keep)

    @override
    async def knows_request(self, request: SignedRequest) -> bool:
        return bool(self._engine.rows(_SQL["find_request"], request[:3]))

    @override
    async def take_attempts(
        self, subjects: Sequence[tuple[bytes, int]], now: int, ends_at: int
    ) -> int | None:

        def take(connection: apsw.Connection) -> int | None:
            full = [
                until
                for digest, limit in subjects
                for used, until in run(connection, _SQL["read_attempts"], (digest, now)) or [(0, ends_at)]
                if used >= limit
            ]
            if full:
                return int(max(full))
            for digest, _ in subjects:
                run(connection, _SQL["take_attempt"], {"digest": digest, "now": now, "ends_at": ends_at})
            return None

        return await self._engine.add(take)

    @override
    async def read_attempts(self, subjects: Sequence[bytes], now: int) -> tuple[Attempts, ...]:
        found = (self._engine.rows(_SQL["read_attempts"], (digest, now)) for digest in subjects)
        return tuple(Attempts(*rows[0]) if rows else Attempts(0, 0) for rows in found)

    @override
    async def return_attempts(self, subjects: Sequence[bytes]) -> None:

        def give_back(connection: apsw.Connection) -> None:
            for digest in subjects:
                change(connection, _SQL["return_attempt"], (digest,))

        await self._engine.write(give_back)

    @override
    async def forget_attempts(self, subjects: Sequence[bytes]) -> None:

        def forget(connection: apsw.Connection) -> None:
            for digest in subjects:
                run(connection, _SQL["forget_attempts"], (digest,))

        await self._engine.write(forget)

    @override
    async def keep_marks(
        self, owner: Owner, row: int, marks: Sequence[bytes], ends_at: int, most: int
    ) -> None:

        def keep(connection: apsw.Connection) -> None:
            for digest in marks:
                change(connection, _SQL["keep_mark"], (int(owner), row, digest, ends_at))
            change(connection, _SQL["trim_marks"], (int(owner), row, most))

        await self._engine.add(keep)

    @override
    async def find_marks(self, owner: Owner, row: int, marks: Sequence[bytes], now: int) -> frozenset[bytes]:
        found = (self._engine.rows(_SQL["find_mark"], (int(owner), row, digest, now)) for digest in marks)
        return frozenset(rows[0][0] for rows in found if rows)
