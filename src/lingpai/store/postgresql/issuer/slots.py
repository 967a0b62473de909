"""Slots: each belongs to one grant at a time; a new grant supersedes the one before (`store.issuer_port`)."""

from collections.abc import Sequence
from typing import Final

import msgspec
from typing_extensions import override

from lingpai.core.issuer_records import Grant, GrantKind, GrantState
from lingpai.store.issuer_port import IssuerStore, Outcome, Quota, SignedRequest, SlotResult
from lingpai.store.issuer_rows import read_grant, read_view
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.grants import OUTCOME, read_spent
from lingpai.store.postgresql.issuer.verbs import (
    IssuerRepository,
    grant_arguments,
    quota_arguments,
    request_arguments,
)
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.queries import Row

_SQL: Final = load_queries("issuer_grants")


class Slots(IssuerRepository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def read_slot(self, grant: Grant) -> int:
        rows = await self._engine.read(_SQL["read_slot"], *_slot_of(grant))
        return int(rows[0][0]) if rows else 0

    @override
    async def read_standing(self, app: int, subject: int) -> int:
        rows = await self._engine.read(_SQL["read_slot"], app, int(GrantKind.APP), subject)
        return int(rows[0][0]) if rows else 0

    @override
    async def stand(self, grant: Grant, subject: int, *, seen: int, keep: int) -> Grant:
        slot = (grant.app, int(grant.kind), subject)
        own = [[argument] for argument in grant_arguments(grant)]

        async def put(connection: Connection) -> Grant:
            await connection.execute(_SQL["open_slot"], *slot)
            holder = await connection.fetchval(_SQL["lock_slot"], *slot)
            if holder not in {0, seen}:
                rows = await connection.fetch(_SQL["view_grant"], [holder])
                view = read_view(tuple(rows[0])[1:]) if rows else None
                if view is not None and view.usable and _lives(view.grant, grant.created_at):
                    return view.grant
            row = (await connection.fetch(_SQL["add_grant"], *own))[0][1]
            await connection.execute(_SQL["fill_slot"], *slot, row)
            await connection.execute(_SQL["supersede"], holder, grant.created_at + keep)
            return msgspec.structs.replace(grant, id=row)

        return await self._engine.transact(put)

    @override
    async def list_slot(self, grant: Grant, now: int, most: int) -> tuple[Grant, ...]:
        rows = await self._engine.rows(_SQL["list_slot"], *_slot_of(grant), now, most)
        return tuple(map(read_grant, rows))

    @override
    async def take_slot(
        self,
        grant: Grant,
        *,
        seen: int | None,
        keep: int | None,
        quota: Quota | None,
        key_digest: bytes | None = None,
        request: SignedRequest | None = None,
    ) -> SlotResult:
        own = grant_arguments(grant)
        guarded = quota is not None or key_digest is not None or request is not None
        if guarded or (keep is not None and seen is None):
            guards = (*quota_arguments(quota), key_digest, *request_arguments(request))
            rows = await self._engine.call(_SQL["take_slot_by_function"], *own, seen, keep, *guards)
        elif keep is None:
            rows = await self._engine.call(_SQL["add_grant"], *own)
            return _placed(grant, rows)
        else:
            same = (*own[:-1], seen, keep)  # whatever the salt
            own_bid, rows = await self._engine.call_once(_SQL["take_slot"], *own, seen, keep, key=same)
            if rows:
                outcome = Outcome.DONE if own_bid else Outcome.REPEATED
                return SlotResult(outcome, msgspec.structs.replace(grant, id=rows[0][0], salt=rows[0][1]))
            rows = await self._engine.call(_SQL["take_slot_alone_by_function"], *own, seen, keep)
        if rows[0][OUTCOME] == Outcome.DONE.value:
            return _placed(grant, rows)
        spent = read_spent(rows)
        return SlotResult(spent.outcome, spent.grant)


def _lives(grant: Grant, now: int) -> bool:
    return grant.state is GrantState.LIVE and grant.ends_at > now


def _placed(grant: Grant, rows: Sequence[Row]) -> SlotResult:
    return SlotResult(Outcome.DONE, msgspec.structs.replace(grant, id=rows[0][0]))


def _slot_of(grant: Grant) -> tuple[int, int, int]:
    """Key of the slot of a terminal, or else of a user, or else of the app itself."""
    return grant.app, int(grant.kind), grant.terminal or -(grant.user or 0)
