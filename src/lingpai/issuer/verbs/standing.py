"""An app's own tokens over one standing grant: a token is a read and a seal, and no row (RFC 6749 §4.4)."""

from typing import Final

import msgspec

from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, Grant, GrantKind, GrantState
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import DAY
from lingpai.issuer.scopes import scope_of_words, words_within
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.app_tokens import new_app_grant

STANDING: Final = 90 * DAY
"""Seconds that a standing grant lives; another takes its place before its tokens would be cut short."""


async def issue_standing_token(
    issuer: Issuer, app: App, granted: str | None, scope: str | None = None
) -> Tokens:
    """A token of the app itself, beside those that it has; within one second it is the same token.

    Args:
        issuer: the realm.
        app: who asks, authenticated and published.
        granted: every word that it may have. When these change, a new grant takes the place of the one before.
        scope: what the token shall be good for, or None for all of them.

    Raises:
        LingpaiError: INVALID_SCOPE.
    """
    grant = await _standing(issuer, app, granted)
    words, now = words_within(scope, grant), issuer.now()
    return Tokens(
        access_token=issuer.seal(HandleKind.APP_TOKEN, grant.id, grant.generation, now, grant.salt, words),
        refresh_token="",
        expires_in=min(now + issuer.lives[grant.kind].token, grant.ends_at) - now,
        scope=scope_of_words(grant.scope, words),
        open_id="",
        machine_code="",
        repeated=False,
        grant=grant,
    )


async def _standing(issuer: Issuer, app: App, granted: str | None) -> Grant:
    """The app's grant; of those who find none at the same time, one makes it and all get it."""
    fresh = new_app_grant(issuer, app, GrantKind.APP, granted)
    fresh = msgspec.structs.replace(fresh, ends_at=fresh.created_at + STANDING)
    row = await issuer.store.read_place(fresh)
    view = await issuer.store.read_grant(row) if row else None
    if view is not None and view.usable and _serves(issuer, view.grant, fresh):
        return view.grant
    # Words that were just changed elsewhere may be those of the one that was faster: then its tokens tell so.
    placed = await issuer.store.place(fresh, seen=row, keep=issuer.policy.keep.app, quota=None)
    return placed.grant or fresh


def _serves(issuer: Issuer, grant: Grant, fresh: Grant) -> bool:
    """Whether a grant is as a fresh one would be, and outlives any token that is made now."""
    left = grant.ends_at - fresh.created_at
    return grant.state is GrantState.LIVE and grant.scope == fresh.scope and left > issuer.policy.app_token
