"""What a token is good for, as of this moment: nothing is consumed, nothing is cached."""

from operator import attrgetter

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import App, Grant, GrantKind, GrantState
from lingpai.issuer.context import Issuer
from lingpai.issuer.lookups import look_up
from lingpai.issuer.policy import OldAccess
from lingpai.issuer.scopes import scope_of_words
from lingpai.issuer.tokens import GRANT_OF_HANDLE, has_outlived, true_end

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
    """

    grant: Grant
    scope: str | None
    app_id: str
    open_id: str
    machine_code: str
    expires_in: int
    expires_at: int


async def resolve_access_token(
    issuer: Issuer, token: str, app: App | None = None, open_id: str | None = None
) -> Resolved:
    """A user's access token; of this app and this user when those are given.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN, EXPIRED_ACCESS_TOKEN, or INVALID_OPEN_ID when it is another
            user's.
    """
    resolved = await _resolve(issuer, token, HandleKind.ACCESS, app)
    if open_id is not None and open_id != resolved.open_id:
        raise LingpaiError(
            Kind.INVALID_OPEN_ID, "The open_id does not belong to the token.", parameter="open_id"
        )
    return resolved


async def resolve_app_token(issuer: Issuer, token: str, app: App | None = None) -> Resolved:
    """An app's own token; of this app when it is given.

    Raises:
        LingpaiError: INVALID_APP_TOKEN, EXPIRED_APP_TOKEN.
    """
    return await _resolve(issuer, token, HandleKind.APP_TOKEN, app)


async def resolve_ticket(issuer: Issuer, ticket: str, app: App | None = None) -> Resolved:
    """A ticket; of this app when it is given.

    Raises:
        LingpaiError: INVALID_TICKET.
    """
    return await _resolve(issuer, ticket, HandleKind.TICKET, app)


async def resolve_any_token(issuer: Issuer, token: str, app: App | None = None) -> Resolved:
    """A user's access token or an app's own, for dialects whose calls take either.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN, EXPIRED_ACCESS_TOKEN, EXPIRED_APP_TOKEN.
    """
    if issuer.unseal(token, HandleKind.APP_TOKEN) is None:
        return await _resolve(issuer, token, HandleKind.ACCESS, app)
    return await _resolve(issuer, token, HandleKind.APP_TOKEN, app)


async def _resolve(issuer: Issuer, token: str, kind: HandleKind, app: App | None) -> Resolved:
    invalid, expired, name = _REFUSED[kind]
    handle, view = await look_up(issuer, token, kind)
    now = issuer.now()
    if handle is None or (
        view is not None and (not view.usable or (app is not None and view.grant.app != app.id))
    ):
        raise LingpaiError(invalid, f"The {name} is not valid.")
    left = _token_end(issuer, view.grant, handle) - now if view is not None else 0
    if view is None or left <= 0:
        outlived = has_outlived(issuer, GRANT_OF_HANDLE[kind], handle.issued_at)
        raise LingpaiError(expired if outlived else invalid, f"The {name} is no longer valid.")
    return Resolved(
        grant=view.grant,
        scope=scope_of_words(view.grant.scope, handle.words),
        app_id=view.app_id,
        open_id=view.open_id,
        machine_code=view.machine_code,
        expires_in=left,
        expires_at=issuer.wall(now + left),
    )


def _token_end(issuer: Issuer, grant: Grant, handle: Handle) -> int:
    """When this token of the grant ends, or ended; 0 when it never was one, or is over whatever the time.

    The clock of the node that ended a grant may be ahead of ours, if only by the turn of a second.
    """
    if grant.state is GrantState.ENDED or (
        grant.state is GrantState.SUPERSEDED and not _KEPT[grant.kind](issuer.policy.keep)
    ):
        return 0
    end = true_end(issuer, grant, handle.issued_at)
    if handle.generation >= grant.generation:
        # Ours, as it names the row: one that is ahead was made in commits that a failover or a restore has lost.
        return 0 if grant.state is GrantState.ISSUED else end
    if issuer.policy.old_access is OldAccess.OWN_END:
        return end
    if handle.generation == grant.generation - 1:
        return min(end, grant.rotated_at + issuer.policy.replay_window)
    return 0
