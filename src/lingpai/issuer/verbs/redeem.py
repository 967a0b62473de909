"""Redeem a code: of concurrent redemptions one succeeds."""

from collections.abc import Awaitable, Callable
from typing import NoReturn
from urllib.parse import unquote

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import App, Grant, GrantState, GrantView
from lingpai.core.logs import structlog
from lingpai.issuer.context import Issuer
from lingpai.issuer.lookups import LookUp, begin_look_up
from lingpai.issuer.pkce import check_verifier
from lingpai.issuer.policy import Policy
from lingpai.issuer.scopes import words_within
from lingpai.issuer.tokens import Tokens, daily_quota, make_tokens
from lingpai.issuer.verbs.requests import refusal_of, refuse_known
from lingpai.store.issuer_port import Outcome, SignedRequest

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def redeem(
    issuer: Issuer,
    app: App,
    code: str,
    *,
    scope: str | None = None,
    redirect_uri: str | None = None,
    verifier: str | None = None,
    demand: Callable[[Grant], None] | None = None,
    bind: Callable[[Grant], Awaitable[Grant | None]] | None = None,
    request: SignedRequest | None = None,
    begun: LookUp | None = None,
) -> Tokens:
    """The tokens for a code.

    Everything is validated before anything is spent, so a request that is wrong in any way ends nothing
    (threats C26 to C31). A code that comes again after it was redeemed, in a request that is right otherwise,
    ends the grant (C24), whatever key comes with it, but not within the policy's grace: phones load a callback twice.
    Of concurrent redemptions one succeeds; the others end nothing (C25). All of them get the same refusal.

    Args:
        issuer: the realm.
        app: who asks, authenticated as far as the dialect asks for it.
        code: as given.
        scope: what the access token shall be good for, as given, or None for all that was granted.
        redirect_uri: as given, or None.
        verifier: of PKCE, or None.
        demand: what the dialect checks after the code and before it is spent; raises a LingpaiError.
        bind: binds the grant to a key before its code is spent (`verbs.bind`); None or a LingpaiError refuses the code.
        request: the signed request that this is, see `verbs.requests.once`.
        begun: the look-up of the code, if it was begun before.

    Raises:
        LingpaiError: INVALID_CODE, WRONG_REDIRECT_URI, INVALID_PKCE, EXPIRED_CODE, INVALID_SCOPE, LIMIT_REACHED,
            REPLAYED_REQUEST, and what `demand` raises.
    """
    begun = begun or begin_look_up(issuer, code, HandleKind.CODE)
    handle, view = begun if isinstance(begun, tuple) else await begun
    if handle is None or view is None:
        raise _refusal(issuer, handle)
    grant = view.grant
    if grant.app != app.id:
        raise _invalid()
    if grant.state is not GrantState.ISSUED:
        await refuse_known(issuer, request)  # it may be this very request that spent the code
        await _refuse_spent(
            issuer, app, view, scope=scope, redirect_uri=redirect_uri, verifier=verifier, demand=demand
        )
    policy = issuer.policy
    if (
        app.public or verifier or grant.challenge or grant.redirect_uri != redirect_uri
    ):  # else nothing is to check
        _check_request(policy, app, grant, redirect_uri, verifier)
    if not view.usable:
        raise _invalid()
    now = issuer.now()
    if now >= grant.ends_at:
        raise _refusal(issuer, handle)
    if demand is not None:
        demand(grant)
    words = words_within(scope, grant) if scope else 0
    if bind is not None:
        grant = await bind(grant) or _refuse()
    spent = await issuer.store.redeem(
        grant,
        now,
        now + issuer.lives[grant.kind].grant,
        policy.keep.user,
        daily_quota(issuer, grant.app, grant.terminal) if policy.daily else None,
        request=request,
    )
    if spent.outcome is not Outcome.DONE or spent.grant is None:
        raise refusal_of(spent.outcome) or _refusal(issuer, handle)
    return make_tokens(issuer, spent.grant, open_id=view.open_id, machine_code=view.machine_code, words=words)


async def _refuse_spent(
    issuer: Issuer,
    app: App,
    view: GrantView,
    *,
    scope: str | None,
    redirect_uri: str | None,
    verifier: str | None,
    demand: Callable[[Grant], None] | None,
) -> NoReturn:
    """Refuse a code that was spent, whatever else is wrong; its grant ends only when nothing else is."""
    try:
        _check_request(issuer.policy, app, view.grant, redirect_uri, verifier)
        if demand is not None:
            demand(view.grant)
        words_within(scope, view.grant)
    except LingpaiError as fault:
        raise _invalid() from fault
    if issuer.policy.replay_ends_grant and issuer.now() >= _grace_end(issuer, view.grant):
        log.warning("code_replayed", app=view.app_id, grant=view.grant.id)
        await issuer.store.end_grant(view.grant, issuer.now(), "code replayed")
    raise _invalid()


def _grace_end(issuer: Issuer, grant: Grant) -> int:
    """From when on a code that comes again is a replay.

    The row has the time of its newest tokens. Once they were refreshed, that is not the time of the redemption any
    more, and the grace counts from when the code was made: a thief who keeps refreshing does not prolong it.
    """
    redeemed_at = grant.rotated_at if grant.generation <= 1 else grant.created_at
    return redeemed_at + issuer.policy.replay_grace


def _check_request(
    policy: Policy, app: App, grant: Grant, redirect_uri: str | None, verifier: str | None
) -> None:
    if policy.redirect_repeated:
        _check_redirect(grant, redirect_uri)
    if app.public and not grant.challenge:  # of the time when it had a secret
        raise LingpaiError(
            Kind.INVALID_PKCE,
            "The code was requested without a code challenge, which a public client needs.",
            parameter="code_verifier",
        )
    check_verifier(grant.challenge, grant.challenge_method, verifier)


def _check_redirect(grant: Grant, redirect_uri: str | None) -> None:
    """Refuse another redirect URI than the grant's.

    Some clients encode theirs twice, so it may be that after one more decoding (docs/spec/mall.md). Nothing is
    redirected there.
    """
    if grant.redirect_uri is not None and grant.redirect_uri not in {
        redirect_uri,
        unquote(redirect_uri or ""),
    }:
        raise LingpaiError(
            Kind.WRONG_REDIRECT_URI,
            "The redirect URI is not the one of the authorization request.",
            parameter="redirect_uri",
        )


def _refusal(issuer: Issuer, handle: Handle | None) -> LingpaiError:
    if handle is not None and issuer.now() >= handle.issued_at + issuer.policy.code:
        return LingpaiError(Kind.EXPIRED_CODE, "The code has expired.", parameter="code")
    return _invalid()


def _refuse() -> NoReturn:
    raise _invalid()


def _invalid() -> LingpaiError:
    return LingpaiError(
        Kind.INVALID_CODE, "The code does not exist or is not valid for this app.", parameter="code"
    )
