"""Check a token as of this moment: nothing is consumed, nothing is cached."""

from collections.abc import Awaitable
from operator import attrgetter

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import FOREVER, App, Grant, GrantKind, GrantState
from lingpai.issuer.context import Issuer
from lingpai.issuer.lookups import LookUp, begin_look_up
from lingpai.issuer.policy import OldAccess
from lingpai.issuer.scopes import scope_of_words
from lingpai.issuer.tokens import GRANT_OF_HANDLE, has_outlived

_REFUSED: dict[HandleKind, tuple[Kind, Kind, str]] = {
    HandleKind.ACCESS: (Kind.INVALID_ACCESS_TOKEN, Kind.EXPIRED_ACCESS_TOKEN, "access token"),
    HandleKind.APP_TOKEN: (Kind.INVALID_APP_TOKEN, Kind.EXPIRED_APP_TOKEN, "server access token"),
    HandleKind.TICKET: (Kind.INVALID_TICKET, Kind.INVALID_TICKET, "ticket"),
}

_KEPT = {
    GrantKind.USER: attrgetter("user"),
    GrantKind.APP: attrgetter("app"),
    GrantKind.TICKET: attrgetter("ticket"),
}
"""The field of `policy.Keep` by kind of grant."""


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A live token: who may do what with it, and until when.

    Attributes:
        grant: the grant behind it.
        scope: what it is good for, some or all words of its grant's.
        app_id: public id of the app it was issued to.
        open_id: its user as that app knows them, or "".
        machine_code: its terminal's code, or "".
        expires_in: seconds it has left.
        expires_at: its end in unix seconds, by the wall clock.
        generation: as its handle says it.
        words: as its handle says them; 0 for a token that was not narrowed (`scopes.words_of_scope`).
    """

    grant: Grant
    scope: str | None
    app_id: str
    open_id: str
    machine_code: str
    expires_in: int
    expires_at: int
    generation: int = 0
    words: int = 0


def resolve_access_token(
    issuer: Issuer, token: str, app: App | None = None, open_id: str | None = None
) -> Awaitable[Resolved]:
    """A user's access token; of this app and this user when those are given.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN, EXPIRED_ACCESS_TOKEN, or INVALID_OPEN_ID when it is another
            user's.
    """
    return resolve(issuer, HandleKind.ACCESS, begin_look_up(issuer, token, HandleKind.ACCESS), app, open_id)


def resolve_app_token(issuer: Issuer, token: str, app: App | None = None) -> Awaitable[Resolved]:
    """An app's own token; of this app when it is given.

    Raises:
        LingpaiError: INVALID_APP_TOKEN, EXPIRED_APP_TOKEN.
    """
    return resolve(issuer, HandleKind.APP_TOKEN, begin_look_up(issuer, token, HandleKind.APP_TOKEN), app)


def resolve_ticket(issuer: Issuer, ticket: str, app: App | None = None) -> Awaitable[Resolved]:
    """A ticket; of this app when it is given.

    Raises:
        LingpaiError: INVALID_TICKET.
    """
    return resolve(issuer, HandleKind.TICKET, begin_look_up(issuer, ticket, HandleKind.TICKET), app)


async def resolve_any_token(issuer: Issuer, token: str, app: App | None = None) -> Resolved:
    """A user's access token or an app's own, for dialects whose calls take either.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN, EXPIRED_ACCESS_TOKEN, EXPIRED_APP_TOKEN.
    """
    if issuer.unseal(token, HandleKind.APP_TOKEN) is None:
        return await resolve_access_token(issuer, token, app)
    return await resolve_app_token(issuer, token, app)


async def resolve(
    issuer: Issuer, kind: HandleKind, begun: LookUp, app: App | None = None, open_id: str | None = None
) -> Resolved:
    """Return what a token, whose look-up has begun, is good for; of this app and this user when those are given.

    Args:
        issuer: the realm.
        kind: of the token: ACCESS, APP_TOKEN or TICKET.
        begun: what `begin_look_up` returned for it.
        app: who asks, or None for anybody.
        open_id: whose it is said to be, or None.

    Raises:
        LingpaiError: of the kind of token, as the functions above; INVALID_OPEN_ID when it is another user's.
    """
    handle, view = begun if isinstance(begun, tuple) else await begun
    if handle is None or (
        view is not None and (not view.usable or (app is not None and view.grant.app != app.id))
    ):
        raise LingpaiError(_REFUSED[kind][0], f"The {_REFUSED[kind][2]} is not valid.")
    now, ahead = issuer.now_and_ahead()
    left = _token_end(issuer, view.grant, handle) - now if view is not None else 0
    if view is None or left <= 0:
        invalid, expired, name = _REFUSED[kind]
        outlived = has_outlived(issuer, GRANT_OF_HANDLE[kind], handle.issued_at)
        raise LingpaiError(expired if outlived else invalid, f"The {name} is no longer valid.")
    if open_id is not None and open_id != view.open_id:
        raise LingpaiError(
            Kind.INVALID_OPEN_ID, "The open_id does not belong to the token.", parameter="open_id"
        )
    return Resolved(
        grant=view.grant,
        scope=scope_of_words(view.grant.scope, handle.words) if handle.words else view.grant.scope,
        app_id=view.app_id,
        open_id=view.open_id,
        machine_code=view.machine_code,
        expires_in=left,
        expires_at=now + left + ahead,
        generation=handle.generation,
        words=handle.words,
    )


def _token_end(issuer: Issuer, grant: Grant, handle: Handle) -> int:
    """When this token of the grant ends, or ended; 0 when it never was one, or is over whatever the time.

    The clock of the node that ended a grant may be ahead of ours, if only by the turn of a second.
    """
    if grant.state is GrantState.ENDED or (
        grant.state is GrantState.SUPERSEDED and not _KEPT[grant.kind](issuer.policy.keep)
    ):
        return 0
    life, end = issuer.lives[grant.kind], grant.ends_at
    if life.grant < FOREVER:  # else its tokens live as long as it
        end = min(handle.issued_at + life.token, end)
    if handle.generation >= grant.generation:
        # Ours, as it names the row: one that is ahead was made in commits that a failover or a restore has lost.
        return 0 if grant.state is GrantState.ISSUED else end
    if issuer.policy.old_access is OldAccess.OWN_END:
        return end
    if handle.generation == grant.generation - 1:
        return min(end, grant.rotated_at + issuer.policy.replay_window)
    return 0
