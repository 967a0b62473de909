"""Verbs on grants (`store.issuer_port`): each spends, ends or reads by primary key."""

from collections.abc import Awaitable
from functools import partial
from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.clock import Clock
from lingpai.core.issuer_records import Grant, GrantKind, GrantState, GrantView
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
from lingpai.store.issuer_rows import read_grant, read_view, row_after
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.issuer.quotas import count_quota, has_room, is_known, remember
from lingpai.store.sqlite.issuer.slots import grant_in_slot, insert_grant, slot_of, take_slot
from lingpai.store.sqlite.issuer.transaction import WriterTransaction
from lingpai.store.sqlite.queries import change, load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.transaction import finish
from lingpai.store.vault import Vault

_SQL: Final = load_queries("issuer_grants")
_UPKEEP: Final = load_queries("issuer_upkeep")
_REDEEM: Final = _SQL["redeem"]
_ROTATE: Final = _SQL["rotate"]


class Grants(Repository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        super().__init__(engine, vault, clock)
        self._view = engine.reader(_SQL["view_grant"], read_view)
        self.begin_read = self._view  # type: ignore[assignment, method-assign]  # one call less in each check

    @override
    async def add_grant(self, grant: Grant) -> Grant:
        return await self._engine.add(lambda connection: insert_grant(connection, grant))

    @override
    async def answer_request(self, request: RequestKey, grant: Grant, login: Login | None = None) -> Answer:
        return await self._engine.add(
            lambda connection: finish(answer_request(WriterTransaction(connection), request, grant, login))
        )

    @override
    async def refuse_request(self, request: RequestKey) -> Answer | None:
        return await self._engine.write(
            lambda connection: finish(refuse_request(WriterTransaction(connection), request))
        )

    @override
    async def read_answer(self, digest: bytes) -> Answer | None:
        rows = self._engine.rows(_UPKEEP["read_answer"], (digest,))
        return Answer(rows[0][0]) if rows else None

    @override
    async def read_grant(self, grant: int) -> GrantView | None:
        return self._view(grant)

    @override
    def redeem(
        self,
        grant: Grant,
        now: int,
        ends_at: int,
        keep: int | None,
        quota: Quota | None,
        *,
        request: SignedRequest | None = None,
    ) -> Awaitable[Spent]:
        after = row_after(grant, 1, now, ends_at)
        done = Spent(Outcome.DONE, after)
        # As bound by `redeem`, around the row whose slot the grant takes.
        own, names = (after.generation, after.rotated_at, after.ends_at), (grant.id, grant.salt, now)
        if keep is None and quota is None and request is None:
            refuse = partial(_refuse_code, grant=grant)
            return self._engine.writer.change(_REDEEM, (*own, None, *names), done, refuse)

        def spend(connection: Connection) -> Spent:
            if is_known(connection, request):
                return Spent(Outcome.SAME_REQUEST, None)
            if not has_room(connection, quota):
                return Spent(Outcome.LIMITED, None)
            slot = slot_of(grant.app, grant.kind, grant.terminal, grant.user)
            before = None if keep is None else grant_in_slot(connection, slot)
            if not change(connection, _REDEEM, (*own, before, *names)):
                return _refuse_code(connection, grant)
            count_quota(connection, quota)
            remember(connection, request)
            if keep is not None:
                take_slot(connection, slot, grant.id, before, now + keep)
            return done

        return self._engine.writer.submit(spend)

    @override
    def rotate(
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
    ) -> Awaitable[Spent]:
        after = row_after(grant, generation + 1, now, ends_at)
        done = Spent(Outcome.DONE, after)
        # As bound by `rotate`.
        own = (after.generation, after.rotated_at, after.ends_at, grant.id, grant.salt, after.generation, now)

        def refuse(connection: Connection) -> Spent:
            spent = _refuse_refresh(connection, grant, generation, now, window)
            if spent.outcome is Outcome.REPEATED:
                remember(connection, request)
            if spent.outcome is Outcome.REPLAYED and end_replayed:
                _end(connection, grant, now, "refresh token replayed")
            return spent

        if quota is None and request is None:
            return self._engine.writer.change(_ROTATE, own, done, refuse)

        def spend(connection: Connection) -> Spent:
            if is_known(connection, request):
                return Spent(Outcome.SAME_REQUEST, None)
            if has_room(connection, quota) and change(connection, _ROTATE, own):
                count_quota(connection, quota)
                remember(connection, request)
                return done
            return refuse(connection)

        return self._engine.writer.submit(spend)

    @override
    async def bind_grant(self, grant: Grant, nonce: str, generation: int) -> bool:
        changes = (nonce, generation, grant.id, grant.salt, grant.nonce, grant.generation)

        def bind(connection: apsw.Connection) -> bool:
            return bool(change(connection, _SQL["bind_grant"], changes))

        return await self._engine.add(bind)

    @override
    async def end_grant(self, grant: Grant, now: int, reason: str) -> bool:

        def end(connection: apsw.Connection) -> bool:
            return _end(connection, grant, now, reason)

        return await self._engine.write(end)

    @override
    async def end_all(self, *, app: int | None = None, user: int | None = None) -> bool:
        query = "end_member" if app and user else "end_app" if app else "end_user"

        def end(connection: apsw.Connection) -> bool:
            return bool(run(connection, _SQL[query], {"app": app, "user": user}))

        return await self._engine.write(end)

    @override
    async def end_slot(self, app: int, terminal: int, now: int, reason: str) -> bool:
        _, kind, subject = slot_of(app, GrantKind.USER, terminal, None)
        slot = {"app": app, "kind": kind, "subject": subject, "now": now, "reason": reason}
        codes = {"app": app, "terminal": terminal, "now": now, "reason": reason}

        def end(connection: apsw.Connection) -> bool:
            voided = run(connection, _SQL["void_codes"], codes)
            ended = run(connection, _SQL["end_slot"], slot)
            return bool(voided or ended)

        return await self._engine.write(end)

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
        query, name, value = narrowed.query()
        bindings = {name: value, "before": BEFORE_ALL if before is None else before, "limit": limit}

        def read(connection: apsw.Connection) -> Listed:
            return narrowed.page([*map(read_view, run(connection, _SQL[query], bindings))], now, limit)

        return await self._engine.scan(read)

    @override
    async def list_user_grants(
        self, user: int, now: int, before: int | None, limit: int
    ) -> tuple[GrantView, ...]:
        below = BEFORE_ALL if before is None else before
        bindings = {"user": user, "now": now, "before": below, "limit": limit}
        return tuple(map(read_view, self._engine.rows(_SQL["list_user_grants"], bindings)))


def _end(connection: apsw.Connection, grant: Grant, now: int, reason: str) -> bool:
    ending = {"id": grant.id, "salt": grant.salt, "now": now, "reason": reason}
    return bool(run(connection, _SQL["end_grant"], ending))


def _refuse_code(connection: apsw.Connection, grant: Grant) -> Spent:
    rows = run(connection, _SQL["read_grant"], (grant.id, grant.salt))
    if not rows:
        return Spent(Outcome.GONE, None)
    found = read_grant(rows[0])
    spent = found.generation > 0
    return Spent(Outcome.REPLAYED if spent else Outcome.GONE, found)


def _refuse_refresh(
    connection: apsw.Connection, grant: Grant, generation: int, now: int, window: int
) -> Spent:
    rows = run(connection, _SQL["read_grant"], (grant.id, grant.salt))
    if not rows:
        return Spent(Outcome.GONE, None)
    found = read_grant(rows[0])
    if found.state is not GrantState.LIVE or found.ends_at <= now:
        return Spent(Outcome.GONE, found)
    if generation >= found.generation:  # it would have been spent, had there been room
        return Spent(Outcome.LIMITED, found)
    if generation == found.generation - 1 and now < found.rotated_at + window:
        return Spent(Outcome.REPEATED, found)
    return Spent(Outcome.REPLAYED, found)
