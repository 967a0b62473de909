"""An app's own tokens: the server access token of yzb, client_credentials elsewhere."""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import FOREVER, App, Grant, GrantKind, GrantState
from lingpai.issuer.context import Issuer
from lingpai.issuer.scopes import narrow_scope
from lingpai.issuer.tokens import Tokens, daily_quota, make_tokens, quota_exceeded
from lingpai.issuer.verbs.requests import refusal_of
from lingpai.store.issuer_port import Outcome, SignedRequest


async def issue_app_token(
    issuer: Issuer, app: App, *, scope: str | None = None, request: SignedRequest | None = None
) -> Tokens:
    """A token of the app itself; the one before keeps what the policy says.

    Those who ask at the same time get the same token.

    Args:
        issuer: the realm.
        app: who asks, authenticated as far as the dialect asks for it.
        scope: as given, or None.
        request: the signed request that this is, see `verbs.requests.once`.

    Raises:
        LingpaiError: APP_NOT_LISTED, INVALID_SCOPE, LIMIT_REACHED, REPLAYED_REQUEST.
    """
    if app.disabled or not app.listed:
        raise LingpaiError(Kind.APP_NOT_LISTED, "The app is not published.")
    policy = issuer.policy
    granted = (
        narrow_scope(scope, frozenset(app.scopes), policy.default_scope) if scope else policy.default_scope
    )
    grant = new_app_grant(issuer, app, GrantKind.APP, granted)
    result = await issuer.store.take_slot(
        grant,
        seen=await issuer.store.read_slot(grant),
        keep=policy.keep.app,
        quota=daily_quota(issuer, app.id, None) if policy.daily else None,
        request=request,
    )
    if result.grant is None:
        raise refusal_of(result.outcome) or quota_exceeded()
    return make_tokens(issuer, result.grant, repeated=result.outcome is Outcome.REPEATED)


def new_app_grant(issuer: Issuer, app: App, kind: GrantKind, scope: str | None) -> Grant:
    """A live grant of the app itself, made now and not stored yet."""
    now = issuer.now()
    return Grant(
        realm=issuer.realm,
        kind=kind,
        app=app.id,
        scope=scope,
        audience=app.audience,
        state=GrantState.LIVE,
        generation=1,
        rotated_at=now,
        created_at=now,
        ends_at=min(now + issuer.lives[kind].grant, FOREVER),
        salt=issuer.new_salt(),
    )
