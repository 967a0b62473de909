"""An app's own tokens over one standing grant: a token is a read and a seal, and no row (RFC 6749 §4.4)."""

from typing import Final

import msgspec

from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, Grant, GrantKind, GrantState
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import DAY
from lingpai.issuer.scopes import scope_of_words, words_within
from lingpai.issuer.sign_ins import SignIn, encode_sign_in
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.app_tokens import new_app_grant

STANDING: Final = 90 * DAY
"""Seconds that a standing grant lives; another takes its slot before its tokens would be cut short."""


_BEYOND: Final = 1 << 60
"""No row has such a number."""


async def issue_standing_token(
    issuer: Issuer, app: App, granted: str | None, scope: str | None = None, audience: str = "", jkt: str = ""
) -> Tokens:
    """A token of the app itself, beside those that it has; within one second it is the same token.

    Args:
        issuer: the realm.
        app: who asks, authenticated and published.
        granted: every word that it may have. When these change, a new grant takes the slot of the one before.
        scope: what the token shall be good for, or None for all of them.
        audience: the resource server that it is for, each of which has a grant of its own; "" for none.
        jkt: thumbprint of the key that the token is bound to, each of which has a grant of its own; "" for none.

    Raises:
        LingpaiError: INVALID_SCOPE.
    """
    grant = await _standing(issuer, app, granted, audience, jkt)
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
        made_at=now,
        words=words,
    )


async def _standing(issuer: Issuer, app: App, granted: str | None, audience: str, jkt: str) -> Grant:
    """The app's grant; of those who find none at the same time, one makes it and all get it."""
    fresh = new_app_grant(issuer, app, GrantKind.APP, granted)
    kept = encode_sign_in(SignIn(auth_time=fresh.created_at, jkt=jkt)) if jkt else ""
    fresh = msgspec.structs.replace(fresh, ends_at=fresh.created_at + STANDING, audience=audience, nonce=kept)
    subject = _subject(issuer, audience, jkt)
    store = issuer.store
    row = await (store.read_standing(app.id, subject) if subject else store.read_slot(fresh))
    view = await store.read_grant(row) if row else None
    if view is not None and view.usable and _serves(issuer, view.grant, fresh):
        return view.grant
    keep = issuer.policy.keep.app
    if subject:
        return await store.stand(fresh, subject, seen=row, keep=keep or 0)
    # Words that were just changed elsewhere may be those of the one that was faster: then its tokens name them.
    result = await store.take_slot(fresh, seen=row, keep=keep, quota=None)
    return result.grant or fresh


def _subject(issuer: Issuer, audience: str, jkt: str) -> int:
    """Return the subject number of a grant for a resource server or a key, beyond the ids of all rows."""
    if not audience and not jkt:
        return 0
    parts = (audience, jkt) if jkt else (audience,)
    return _BEYOND | int.from_bytes(issuer.digest_of("standing", *parts)[:7])


def _serves(issuer: Issuer, grant: Grant, fresh: Grant) -> bool:
    """True when a grant equals a fresh one, and outlives any token that is made now."""
    left = grant.ends_at - fresh.created_at
    return grant.state is GrantState.LIVE and grant.scope == fresh.scope and left > issuer.policy.app_token
