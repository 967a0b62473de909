"""Refresh: a new pair for a refresh token, and the same pair for a lost answer."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import App, Grant, GrantState
from lingpai.core.logs import structlog
from lingpai.issuer.context import Issuer
from lingpai.issuer.lookups import LookUp, begin_look_up
from lingpai.issuer.scopes import words_within
from lingpai.issuer.tokens import Tokens, daily_quota, make_tokens
from lingpai.issuer.verbs.requests import refusal_of
from lingpai.store.issuer_port import Outcome, SignedRequest, Spent

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def refresh(
    issuer: Issuer,
    app: App,
    refresh_token: str,
    *,
    scope: str | None = None,
    open_id: str | None = None,
    demand: Callable[[Grant], None] | None = None,
    bind: Callable[[Grant], Awaitable[Grant | None]] | None = None,
    request: SignedRequest | None = None,
    begun: LookUp | None = None,
) -> Tokens:
    """The successors of a refresh token.

    The token that was used last gives the same pair again within the policy's window (threats E50, E51, E56).
    Outside of it, or when the successor was used, it is a replay and ends the grant (E49), whatever key comes with it:
    else a thief could bind the grant to a key of his own, and stay (RFC 9700 §4.14.2). A request that is wrong in any
    other way ends nothing (E52, E53). The new access token is good for a smaller scope when one is asked for; the new
    refresh token and the grant keep the whole (RFC 6749 §6).

    Args:
        issuer: the realm.
        app: who asks, authenticated as far as the dialect asks for it.
        refresh_token: as given.
        scope: as given, or None.
        open_id: the user that the caller names, where the dialect has such a parameter.
        demand: what the dialect checks after the token and before it is spent; raises a LingpaiError.
        bind: binds the grant to a key before the token is spent (`verbs.bind`); None or a LingpaiError refuses the
            token.
        request: the signed request that this is, see `verbs.requests.once`.
        begun: the look-up of the refresh token, if it was begun before.

    Raises:
        LingpaiError: INVALID_REFRESH_TOKEN, EXPIRED_REFRESH_TOKEN, INVALID_OPEN_ID, INVALID_SCOPE,
            LIMIT_REACHED, REPLAYED_REQUEST, and what `demand` raises.
    """
    begun = begun or begin_look_up(issuer, refresh_token, HandleKind.REFRESH)
    handle, view = begun if isinstance(begun, tuple) else await begun
    if handle is None or view is None:
        raise _refusal(issuer, handle)
    grant, policy, now = view.grant, issuer.policy, issuer.now()
    if grant.app != app.id or not issuer.lives[grant.kind].refreshed:
        raise _invalid()
    if open_id is not None and open_id != view.open_id:
        raise LingpaiError(
            Kind.INVALID_OPEN_ID, "The open_id does not belong to the token.", parameter="open_id"
        )
    if handle.issued_at + policy.refresh <= now:
        raise _refusal(issuer, handle)
    if not view.usable or grant.state is not GrantState.LIVE or grant.ends_at <= now:
        raise _invalid()
    if demand is not None:
        demand(grant)
    words = words_within(scope, grant) if scope else 0
    rotate = partial(
        issuer.store.rotate,
        generation=handle.generation,
        now=now,
        ends_at=now + issuer.lives[grant.kind].grant,
        window=policy.replay_window,
        quota=daily_quota(issuer, grant.app, grant.terminal) if policy.daily else None,
        end_replayed=policy.replay_ends_grant,
        request=request,
    )
    if bind is not None:
        superseded = handle.generation < grant.generation
        grant = await _bind(bind, grant, partial(rotate, window=0) if superseded else None)
    spent = await rotate(grant)
    repeated = spent.outcome is Outcome.REPEATED
    if spent.grant is None or not (repeated or spent.outcome is Outcome.DONE):
        if spent.outcome is Outcome.REPLAYED:
            log.warning("refresh_token_replayed", app=view.app_id, grant=grant.id)
        raise refusal_of(spent.outcome) or _invalid()
    return make_tokens(
        issuer,
        spent.grant,
        open_id=view.open_id,
        machine_code=view.machine_code,
        repeated=repeated,
        words=words,
    )


async def _bind(
    bind: Callable[[Grant], Awaitable[Grant | None]],
    grant: Grant,
    replay: Callable[[Grant], Awaitable[Spent]] | None,
) -> Grant:
    """Return the grant bound to its key.

    Args:
        bind: as in `refresh`.
        grant: as read.
        replay: ends the grant, for a superseded token; its sender has not even the key of its successor, so no answer
            was lost.
    """
    try:
        return await bind(grant) or _refuse()
    except LingpaiError:
        if replay is not None:
            log.warning("refresh_token_replayed", grant=grant.id)
            await replay(grant)
        raise


def _refusal(issuer: Issuer, handle: Handle | None) -> LingpaiError:
    if handle is not None and issuer.now() >= handle.issued_at + issuer.policy.refresh:
        return LingpaiError(
            Kind.EXPIRED_REFRESH_TOKEN,
            "The refresh token has expired; authorise again.",
            parameter="refresh_token",
        )
    return _invalid()


def _refuse() -> NoReturn:
    raise _invalid()


def _invalid() -> LingpaiError:
    return LingpaiError(
        Kind.INVALID_REFRESH_TOKEN, "The refresh token is not valid for this app.", parameter="refresh_token"
    )
