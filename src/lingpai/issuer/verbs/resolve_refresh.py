"""Resolve a refresh token as of this moment: nothing is consumed."""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, GrantState
from lingpai.issuer.context import Issuer
from lingpai.issuer.lookups import look_up
from lingpai.issuer.verbs.check import Resolved


async def resolve_refresh_token(issuer: Issuer, token: str, app: App) -> Resolved:
    """A refresh token of this app that would be taken now.

    A client with a secret keeps its token (`verbs.reuse`); of others the newest alone counts.

    Raises:
        LingpaiError: INVALID_REFRESH_TOKEN.
    """
    handle, view = await look_up(issuer, token, HandleKind.REFRESH)
    now = issuer.now()
    if handle is None or view is None or view.grant.app != app.id or not view.usable:
        raise _invalid()
    grant = view.grant
    spent = app.public and handle.generation < grant.generation
    if grant.state is not GrantState.LIVE or grant.ends_at <= now or spent:
        raise _invalid()
    return Resolved(
        grant=grant,
        scope=grant.scope,
        app_id=view.app_id,
        open_id=view.open_id,
        machine_code=view.machine_code,
        expires_in=grant.ends_at - now,
        expires_at=issuer.wall(grant.ends_at),
    )


def _invalid() -> LingpaiError:
    return LingpaiError(Kind.INVALID_REFRESH_TOKEN, "The refresh token is not valid.", parameter="token")
