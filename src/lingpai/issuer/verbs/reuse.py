"""Refresh without rotation: a client with a secret keeps its refresh token (RFC 9700 §4.14.2).

A token stolen from such a client is worth nothing without its secret, so nothing is gained by replacing it, and a lost
answer costs nothing. A refresh reads one row and writes none, but once a day, to move the end of the grant.
"""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, Grant, GrantState
from lingpai.issuer.context import Issuer
from lingpai.issuer.lookups import LookUp, begin_look_up
from lingpai.issuer.policy import DAY
from lingpai.issuer.scopes import scope_of_words, words_within
from lingpai.issuer.tokens import Tokens
from lingpai.store.issuer_port import Outcome


async def reuse(
    issuer: Issuer,
    app: App,
    refresh_token: str,
    *,
    scope: str | None = None,
    demand: Callable[[Grant], None] | None = None,
    bind: Callable[[Grant], Awaitable[Grant | None]] | None = None,
    begun: LookUp | None = None,
) -> Tokens:
    """A new access token for a refresh token, which stays as it is.

    Args:
        issuer: the realm.
        app: who asks, authenticated by its secret.
        refresh_token: as given; of whatever generation, as long as its grant lives.
        scope: what the access token shall be good for, as given, or None for all that was granted.
        demand: what the dialect checks after the token; raises a LingpaiError.
        bind: binds the grant to another key where it has to be (`verbs.bind`); None refuses the token.
        begun: the look-up of the refresh token, if it was begun before.

    Raises:
        LingpaiError: INVALID_REFRESH_TOKEN, INVALID_SCOPE, and what `demand` raises.
    """
    begun = begun or begin_look_up(issuer, refresh_token, HandleKind.REFRESH)
    handle, view = begun if isinstance(begun, tuple) else await begun
    if handle is None or view is None or view.grant.app != app.id or not view.usable:
        raise _invalid()
    now, grant = issuer.now(), view.grant
    if not issuer.lives[grant.kind].refreshed or not _lives(grant, now):
        raise _invalid()
    if demand is not None:
        demand(grant)
    words = words_within(scope, grant)
    if bind is not None:
        grant = await bind(grant) or _refuse()
    grant = await _prolonged(issuer, grant, now)
    access = issuer.seal(HandleKind.ACCESS, grant.id, grant.generation, now, grant.salt, words)
    return Tokens(
        access_token=access,
        refresh_token=refresh_token,
        expires_in=min(now + issuer.lives[grant.kind].token, grant.ends_at) - now,
        scope=scope_of_words(grant.scope, words),
        open_id=view.open_id,
        machine_code=view.machine_code,
        repeated=False,
        grant=grant,
        made_at=now,
        words=words,
    )


async def _prolonged(issuer: Issuer, grant: Grant, now: int) -> Grant:
    """The grant, its end moved when that brings a day or more."""
    ends_at = min(now + issuer.lives[grant.kind].grant, grant.limit_at)
    if ends_at < grant.ends_at + DAY:
        return grant
    spent = await issuer.store.rotate(
        grant, grant.generation, now, ends_at, issuer.policy.replay_window, None, end_replayed=False
    )
    if spent.outcome is Outcome.GONE or spent.grant is None or not _lives(spent.grant, now):
        raise _invalid()
    return spent.grant


def _lives(grant: Grant, now: int) -> bool:
    return grant.state is GrantState.LIVE and grant.ends_at > now


def _refuse() -> NoReturn:
    raise _invalid()


def _invalid() -> LingpaiError:
    return LingpaiError(
        Kind.INVALID_REFRESH_TOKEN, "The refresh token is not valid for this app.", parameter="refresh_token"
    )
