"""Slots: each belongs to one grant at a time; a new grant supersedes the one before (`store.issuer_port`)."""

from collections.abc import Awaitable
from typing import Final

import apsw
import msgspec
from typing_extensions import override

from lingpai.core.issuer_records import Grant, GrantKind, GrantState
from lingpai.store.issuer_port import IssuerStore, Outcome, Quota, SignedRequest, SlotResult
from lingpai.store.issuer_rows import read_grant, read_view
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.issuer.quotas import count_quota, has_room, is_known, remember
from lingpai.store.sqlite.queries import change, load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("issuer_grants")


Slot = tuple[int, int, int]


def slot_of(app: int, kind: GrantKind, terminal: int | None, user: int | None) -> Slot:
    """Key of the slot of a terminal, or else of a user, or else of the app itself."""
    return app, int(kind), terminal or -(user or 0)


def insert_grant(connection: apsw.Connection, grant: Grant, previous: int | None = None) -> Grant:
    """Insert a grant and return it with its row. `previous` is the grant whose slot it takes."""
    columns = (
        *(grant.realm, int(grant.kind), grant.app, grant.user, grant.terminal, grant.member, grant.scope),
        *(grant.redirect_uri, grant.challenge, grant.challenge_method, grant.nonce, grant.audience),
        *(int(grant.state), grant.generation, grant.rotated_at, grant.created_at, grant.ends_at),
        *(grant.limit_at, previous, grant.ends_at, grant.salt),
    )
    change(connection, _SQL["insert_grant"], columns)
    return msgspec.structs.replace(grant, id=connection.last_insert_rowid())


def grant_in_slot(connection: apsw.Connection, slot: Slot) -> int | None:
    """Return the row of the grant in a slot."""
    rows = run(connection, _SQL["read_slot"], slot)
    return rows[0][0] if rows else None


def take_slot(
    connection: apsw.Connection, slot: Slot, grant: int, before: int | None, keep_until: int
) -> None:
    """Let a grant take a slot; the one there before lives until `keep_until` at most."""
    if before is not None:
        change(connection, _SQL["supersede"], (keep_until, keep_until, before))
    change(connection, _SQL["take_slot"], (*slot, grant))


def _put_at_once(connection: Connection, slot: Slot, grant: Grant, seen: int, keep: int) -> SlotResult | None:
    """Answer who has nothing to pass but the slot itself, in as few statements as may be.

    Whoever asks at the same time gets the same, without a look at its row. With `seen`, the grant takes the slot of
    that one. None, and nothing done, when another one is there by now.
    """
    faster = connection.taken_slots.get(slot)
    if faster is not None and faster.ends_at > grant.created_at:
        return SlotResult(Outcome.REPEATED, faster)
    if not seen:
        return None
    added = insert_grant(connection, grant, seen)
    if not change(connection, _SQL["take_over"], (added.id, *slot, seen)):
        change(connection, _SQL["drop_grant"], (added.id,))
        return None
    keep_until = grant.created_at + keep
    change(connection, _SQL["supersede"], (keep_until, keep_until, seen))
    connection.taken_slots[slot] = added
    return SlotResult(Outcome.DONE, added)


class Slots(Repository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def read_slot(self, grant: Grant) -> int:
        slot = slot_of(grant.app, grant.kind, grant.terminal, grant.user)
        rows = self._engine.rows(_SQL["read_slot"], slot)
        return int(rows[0][0]) if rows else 0

    @override
    async def read_standing(self, app: int, subject: int) -> int:
        rows = self._engine.rows(_SQL["read_slot"], (app, int(GrantKind.APP), subject))
        return int(rows[0][0]) if rows else 0

    @override
    async def stand(self, grant: Grant, subject: int, *, seen: int, keep: int) -> Grant:
        slot = (grant.app, int(grant.kind), subject)

        def put(connection: Connection) -> Grant:
            holder = grant_in_slot(connection, slot)
            if holder is not None and holder != seen:
                faster = _live(connection, holder, grant.created_at)
                if faster is not None:
                    return faster
            added = insert_grant(connection, grant, holder)
            take_slot(connection, slot, added.id, holder, grant.created_at + keep)
            return added

        return await self._engine.add(put)

    @override
    async def list_slot(self, grant: Grant, now: int, most: int) -> tuple[Grant, ...]:
        app, kind, subject = slot_of(grant.app, grant.kind, grant.terminal, grant.user)
        bindings = {"app": app, "kind": kind, "subject": subject, "now": now, "most": most}
        return tuple(map(read_grant, self._engine.rows(_SQL["list_slot"], bindings)))

    @override
    def take_slot(
        self,
        grant: Grant,
        *,
        seen: int | None,
        keep: int | None,
        quota: Quota | None,
        key_digest: bytes | None = None,
        request: SignedRequest | None = None,
    ) -> Awaitable[SlotResult]:
        slot = slot_of(grant.app, grant.kind, grant.terminal, grant.user)
        known = seen if seen and quota is None and key_digest is None else 0

        def put(connection: Connection) -> SlotResult:
            if request is not None and is_known(connection, request):
                return SlotResult(Outcome.SAME_REQUEST, None)
            if keep is not None and seen is not None and request is None:
                taken = _put_at_once(connection, slot, grant, known, keep)
                if taken is not None:
                    return taken
            holder = grant_in_slot(connection, slot)
            if keep is not None and seen is not None and holder is not None and holder != seen:
                faster = _live(connection, holder, grant.created_at)
                if faster is not None:
                    remember(connection, request)
                    return SlotResult(Outcome.REPEATED, faster)
            if not has_room(connection, quota):
                return SlotResult(Outcome.LIMITED, None)
            shown = (grant.terminal, key_digest, grant.created_at)
            if key_digest is not None and not run(connection, _SQL["spend_key"], shown):
                return SlotResult(Outcome.GONE, None)
            count_quota(connection, quota)
            remember(connection, request)
            added = insert_grant(connection, grant, holder if keep is not None else None)
            if keep is not None:
                take_slot(connection, slot, added.id, holder, grant.created_at + keep)
                connection.taken_slots[slot] = added
            return SlotResult(Outcome.DONE, added)

        return self._engine.add(put)


def _live(connection: apsw.Connection, row: int, now: int) -> Grant | None:
    rows = run(connection, _SQL["view_grant"], (row,))
    if not rows:
        return None
    view = read_view(rows[0])
    live = view.usable and view.grant.state is GrantState.LIVE and view.grant.ends_at > now
    return view.grant if live else None
