"""Slots: each belongs to one grant at a time; a new grant supersedes the one before (`store.issuer_port`)."""

from collections.abc import Awaitable
from typing import Final

import apsw
import msgspec
from typing_extensions import override

from lingpai.core.issuer_records import Grant, GrantKind, GrantState
from lingpai.store.issuer_port import IssuerStore, Outcome, Placed, Quota, SignedRequest
from lingpai.store.issuer_rows import read_grant, read_view
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.issuer.quotas import count_quota, has_room, is_known, remember
from lingpai.store.sqlite.part import Part
from lingpai.store.sqlite.queries import change, load_queries, run

_SQL: Final = load_queries("issuer_grants")


Place = tuple[int, int, int]


def place_of(app: int, kind: GrantKind, terminal: int | None, user: int | None) -> Place:
    """Key of the place of a terminal, or else of a user, or else of the app itself."""
    return app, int(kind), terminal or -(user or 0)


def insert_grant(connection: apsw.Connection, grant: Grant, previous: int | None = None) -> Grant:
    """Insert a grant and return it with its row. `previous` is the grant whose place it takes."""
    columns = (
        *(grant.realm, int(grant.kind), grant.app, grant.user, grant.terminal, grant.member, grant.scope),
        *(grant.redirect_uri, grant.challenge, grant.challenge_method, grant.nonce, grant.audience),
        *(int(grant.state), grant.generation, grant.rotated_at, grant.created_at, grant.ends_at),
        *(grant.limit_at, previous, grant.ends_at, grant.salt),
    )
    change(connection, _SQL["insert_grant"], columns)
    return msgspec.structs.replace(grant, id=connection.last_insert_rowid())


def holder_of_place(connection: apsw.Connection, place: Place) -> int | None:
    """Return the row of the grant in a slot."""
    rows = run(connection, _SQL["read_place"], place)
    return rows[0][0] if rows else None


def take_place(
    connection: apsw.Connection, place: Place, grant: int, before: int | None, keep_until: int
) -> None:
    """Let a grant take a place; the one there before lives until `keep_until` at most."""
    if before is not None:
        change(connection, _SQL["supersede"], (keep_until, keep_until, before))
    change(connection, _SQL["take_place"], (*place, grant))


def _put_at_once(connection: Connection, place: Place, grant: Grant, seen: int, keep: int) -> Placed | None:
    """Answer who has nothing to pass but the place itself, in as few statements as may be.

    Whoever asks at the same time gets the same, without a look at its row. With `seen`, the grant takes the place of
    that one. None, and nothing done, when another one is there by now.
    """
    faster = connection.placed.get(place)
    if faster is not None and faster.ends_at > grant.created_at:
        return Placed(Outcome.REPEATED, faster)
    if not seen:
        return None
    added = insert_grant(connection, grant, seen)
    if not change(connection, _SQL["take_over"], (added.id, *place, seen)):
        change(connection, _SQL["drop_grant"], (added.id,))
        return None
    keep_until = grant.created_at + keep
    change(connection, _SQL["supersede"], (keep_until, keep_until, seen))
    connection.placed[place] = added
    return Placed(Outcome.DONE, added)


class Places(Part, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def read_place(self, grant: Grant) -> int:
        place = place_of(grant.app, grant.kind, grant.terminal, grant.user)
        rows = self._engine.rows(_SQL["read_place"], place)
        return int(rows[0][0]) if rows else 0

    @override
    async def read_standing(self, app: int, subject: int) -> int:
        rows = self._engine.rows(_SQL["read_place"], (app, int(GrantKind.APP), subject))
        return int(rows[0][0]) if rows else 0

    @override
    async def stand(self, grant: Grant, subject: int, *, seen: int, keep: int) -> Grant:
        place = (grant.app, int(grant.kind), subject)

        def put(connection: Connection) -> Grant:
            holder = holder_of_place(connection, place)
            if holder is not None and holder != seen:
                faster = _live(connection, holder, grant.created_at)
                if faster is not None:
                    return faster
            added = insert_grant(connection, grant, holder)
            take_place(connection, place, added.id, holder, grant.created_at + keep)
            return added

        return await self._engine.add(put)

    @override
    async def list_place(self, grant: Grant, now: int, most: int) -> tuple[Grant, ...]:
        app, kind, subject = place_of(grant.app, grant.kind, grant.terminal, grant.user)
        bindings = {"app": app, "kind": kind, "subject": subject, "now": now, "most": most}
        return tuple(map(read_grant, self._engine.rows(_SQL["list_place"], bindings)))

    @override
    def place(
        self,
        grant: Grant,
        *,
        seen: int | None,
        keep: int | None,
        quota: Quota | None,
        key_digest: bytes | None = None,
        request: SignedRequest | None = None,
    ) -> Awaitable[Placed]:
        place = place_of(grant.app, grant.kind, grant.terminal, grant.user)
        known = seen if seen and quota is None and key_digest is None else 0

        def put(connection: Connection) -> Placed:
            if request is not None and is_known(connection, request):
                return Placed(Outcome.SAME_REQUEST, None)
            if keep is not None and seen is not None and request is None:
                placed = _put_at_once(connection, place, grant, known, keep)
                if placed is not None:
                    return placed
            holder = holder_of_place(connection, place)
            if keep is not None and seen is not None and holder is not None and holder != seen:
                faster = _live(connection, holder, grant.created_at)
                if faster is not None:
                    remember(connection, request)
                    return Placed(Outcome.REPEATED, faster)
            if not has_room(connection, quota):
                return Placed(Outcome.LIMITED, None)
            shown = (grant.terminal, key_digest, grant.created_at)
            if key_digest is not None and not run(connection, _SQL["spend_key"], shown):
                return Placed(Outcome.GONE, None)
            count_quota(connection, quota)
            remember(connection, request)
            added = insert_grant(connection, grant, holder if keep is not None else None)
            if keep is not None:
                take_place(connection, place, added.id, holder, grant.created_at + keep)
                connection.placed[place] = added
            return Placed(Outcome.DONE, added)

        return self._engine.add(put)


def _live(connection: apsw.Connection, row: int, now: int) -> Grant | None:
    rows = run(connection, _SQL["view_grant"], (row,))
    if not rows:
        return None
    view = read_view(rows[0])
    live = view.usable and view.grant.state is GrantState.LIVE and view.grant.ends_at > now
    return view.grant if live else None
