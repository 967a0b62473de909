"""Verbs on grants (`store.issuer_port`): each spends, ends or reads by primary key."""

import asyncio
from collections.abc import Generator
from typing import Any, Final

import msgspec
from typing_extensions import override

from lingpai.core.issuer_records import Grant, GrantKind, GrantView
from lingpai.store.answers import answer_request, refuse_request
from lingpai.store.grant_lists import BEFORE_ALL, Narrowed
from lingpai.store.issuer_port import (
    Answer,
    IssuerStore,
    Listed,
    Login,
    Outcome,
    Quota,
    RequestKey,
    SignedRequest,
    Spent,
)
from lingpai.store.issuer_rows import GRANT_COLUMNS, read_grant, read_view, row_after
from lingpai.store.postgresql.issuer.transaction import ConnectionTransaction
from lingpai.store.postgresql.issuer.verbs import (
    IssuerRepository,
    grant_arguments,
    quota_arguments,
    request_arguments,
)
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.queries import Row

_SQL: Final = load_queries("issuer_grants")
_UPKEEP: Final = load_queries("issuer_upkeep")
OUTCOME: Final = GRANT_COLUMNS
"""Where in a row of `issuer_spent_v2` is what came of a verb, behind the grant."""
_OUTCOMES: Final = {outcome.value: outcome for outcome in Outcome}


def read_spent(rows: list[Row]) -> Spent:
    """Read the result of a verb from the rows that its function returned: at most one, none for no grant at all."""
    if not rows:
        return Spent(Outcome.GONE, None)
    row = rows[0]
    return Spent(_OUTCOMES[row[OUTCOME]], None if row[0] is None else read_grant(row))


class BegunRead:
    """A grant that is being read; await it."""

    def __init__(self, rows: asyncio.Future[list[Row]]) -> None:
        self._rows = rows
        rows.add_done_callback(_see)

    def __await__(self) -> Generator[Any, None, GrantView | None]:
        """The grant with what decides about it."""
        return _viewed((yield from self._rows.__await__()))


def _viewed(rows: list[Row]) -> GrantView | None:
    return read_view(rows[0]) if rows else None


def _see(rows: asyncio.Future[list[Row]]) -> None:
    """Nobody may ever ask what came of it."""
    if not rows.cancelled():
        rows.exception()


class Grants(IssuerRepository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def add_grant(self, grant: Grant) -> Grant:
        added = await self._engine.call(_SQL["add_grant"], *grant_arguments(grant))
        return msgspec.structs.replace(grant, id=added[0][0])

    @override
    async def answer_request(self, request: RequestKey, grant: Grant, login: Login | None = None) -> Answer:
        return await self._engine.transact(
            lambda connection: answer_request(ConnectionTransaction(connection), request, grant, login)
        )

    @override
    async def refuse_request(self, request: RequestKey) -> Answer | None:
        return await self._engine.transact(
            lambda connection: refuse_request(ConnectionTransaction(connection), request)
        )

    @override
    async def read_answer(self, digest: bytes) -> Answer | None:
        rows = await self._engine.rows(_UPKEEP["read_answer"], digest)
        return Answer(rows[0][0]) if rows else None

    @override
    async def read_grant(self, grant: int) -> GrantView | None:
        return _viewed(await self._engine.read(_SQL["view_grant"], grant))

    @override
    def begin_read(self, grant: int) -> BegunRead:
        return BegunRead(self._engine.begin_read(_SQL["view_grant"], grant))

    @override
    async def redeem(
        self,
        grant: Grant,
        now: int,
        ends_at: int,
        keep: int | None,
        quota: Quota | None,
        *,
        request: SignedRequest | None = None,
    ) -> Spent:
        after = row_after(grant, 1, now, ends_at)
        own = (grant.id, grant.salt, now, after.ends_at)
        alone = keep is None and quota is None and request is None
        if alone and await self._engine.call(_SQL["redeem_alone"], *own):
            return Spent(Outcome.DONE, after)
        rest = (keep, *quota_arguments(quota), *request_arguments(request))
        spent = read_spent(await self._engine.call(_SQL["redeem"], *own, *rest))
        return Spent(Outcome.DONE, after) if spent.outcome is Outcome.DONE else spent

    @override
    async def rotate(
        self,
        grant: Grant,
        generation: int,
        now: int,
        ends_at: int,
        window: int,
        quota: Quota | None,
        *,
        end_replayed: bool,
        request: SignedRequest | None = None,
    ) -> Spent:
        after = row_after(grant, generation + 1, now, ends_at)
        own = (grant.id, grant.salt, generation, now, after.ends_at)
        if quota is None and request is None and await self._engine.call(_SQL["rotate_alone"], *own):
            return Spent(Outcome.DONE, after)
        rest = (window, end_replayed, *quota_arguments(quota), *request_arguments(request))
        spent = read_spent(await self._engine.call(_SQL["rotate"], *own, *rest))
        return Spent(Outcome.DONE, after) if spent.outcome is Outcome.DONE else spent

    @override
    async def bind_grant(self, grant: Grant, nonce: str, generation: int) -> bool:
        changes = (nonce, generation, grant.id, grant.salt, grant.nonce, grant.generation)
        return bool(await self._change(_SQL["bind_grant"], *changes))

    @override
    async def end_grant(self, grant: Grant, now: int, reason: str) -> bool:
        return bool(await self._change(_SQL["end_grant"], grant.id, grant.salt, now, reason))

    @override
    async def end_all(self, *, app: int | None = None, user: int | None = None) -> bool:
        query = "end_member" if app and user else "end_app" if app else "end_user"
        return bool(await self._change(_SQL[query], *(row for row in (app, user) if row)))

    @override
    async def end_slot(self, app: int, terminal: int, now: int, reason: str) -> bool:
        slot = (app, int(GrantKind.USER), terminal)
        return bool(await self._change(_SQL["end_slot"], now, reason, *slot))

    @override
    async def list_grants(
        self,
        realm: str,
        now: int,
        before: int | None,
        limit: int,
        *,
        app: int | None = None,
        user: int | None = None,
        terminal: int | None = None,
        kind: GrantKind | None = None,
    ) -> Listed:
        narrowed = Narrowed(realm, app, user, terminal, kind)
        query, _, value = narrowed.query()
        rows = await self._engine.scan(_SQL[query], value, BEFORE_ALL if before is None else before, limit)
        return narrowed.page([*map(read_view, rows)], now, limit)

    @override
    async def list_user_grants(
        self, user: int, now: int, before: int | None, limit: int
    ) -> tuple[GrantView, ...]:
        below = BEFORE_ALL if before is None else before
        return tuple(
            map(read_view, await self._engine.rows(_SQL["list_user_grants"], user, below, now, limit))
        )
