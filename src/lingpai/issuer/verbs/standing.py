"""An app's own tokens over one standing grant: a token is a read and a seal, and no row (RFC 6749 §4.4)."""

from typing import Final, NamedTuple

import msgspec

from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, Grant, GrantKind, GrantState
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import DAY
from lingpai.issuer.scopes import scope_of_words, words_within
from lingpai.issuer.sign_ins import SignIn, bound_key, encode_sign_in
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.app_tokens import new_app_grant

STANDING: Final = 90 * DAY
"""Seconds that a standing grant lives; another takes its slot before its tokens would be cut short."""


_KEPT: Final = 10_000
"""Rows of grants that a process remembers: a token then takes one read, not two."""
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
    now = issuer.now()
    grant = await _standing(issuer, _Wanted(app.id, granted, audience, jkt, now), app)
    words = words_within(scope, grant) if scope else 0
    return Tokens(
        access_token=issuer.sealers[HandleKind.APP_TOKEN](grant.id, grant.generation, now, grant.salt, words),
        refresh_token="",
        expires_in=min(now + issuer.lives[grant.kind].token, grant.ends_at) - now,
        scope=scope_of_words(grant.scope, words) if words else grant.scope,
        open_id="",
        machine_code="",
        repeated=False,
        grant=grant,
        made_at=now,
        words=words,
    )


class _Wanted(NamedTuple):
    """The standing grant that a token needs: of which app, with which words, for what, bound to which key, and when."""

    app: int
    scope: str | None
    audience: str
    jkt: str
    now: int


async def _standing(issuer: Issuer, wanted: _Wanted, app: App) -> Grant:
    """The app's grant; of those who find none at the same time, one makes it and all get it."""
    subject = _subject(issuer, wanted) if wanted.audience or wanted.jkt else 0
    store, place = issuer.store, (app.id, subject)
    known = issuer.standing.get(place, 0)
    found = await _read(issuer, known, wanted) if known else None
    if found is not None:  # one that lost its slot has been superseded
        return found
    fresh = _fresh(issuer, wanted, app)
    row = await (store.read_standing(app.id, subject) if subject else store.read_slot(fresh))
    found = await _read(issuer, row, wanted) if row not in {0, known} else None
    if found is not None:
        _remember(issuer, place, row)
        return found
    keep = issuer.policy.keep.app
    if subject:
        return await store.stand(fresh, subject, seen=row, keep=keep or 0)
    # Words that were just changed elsewhere may be those of the one that was faster: then its tokens name them.
    result = await store.take_slot(fresh, seen=row, keep=keep, quota=None)
    return result.grant or fresh


def _fresh(issuer: Issuer, wanted: _Wanted, app: App) -> Grant:
    """The grant as it is made now."""
    made = new_app_grant(issuer, app, GrantKind.APP, wanted.scope)
    kept = encode_sign_in(SignIn(auth_time=made.created_at, jkt=wanted.jkt)) if wanted.jkt else ""
    return msgspec.structs.replace(
        made, ends_at=made.created_at + STANDING, audience=wanted.audience, nonce=kept
    )


async def _read(issuer: Issuer, row: int, wanted: _Wanted) -> Grant | None:
    """The grant of a row, when it is what is wanted and outlives any token that is made now; else None.

    A row's number is handed out again after a loss of commits, so everything about it is compared.
    """
    view = await issuer.store.read_grant(row)
    if view is None or not view.usable:
        return None
    grant = view.grant
    serves = (
        grant.state is GrantState.LIVE
        and grant.kind is GrantKind.APP
        and grant.app == wanted.app
        and grant.scope == wanted.scope
        and grant.audience == wanted.audience
        and (bound_key(grant) if grant.nonce else "") == wanted.jkt
        and grant.ends_at - wanted.now > issuer.policy.app_token
    )
    return grant if serves else None


def _remember(issuer: Issuer, place: tuple[int, int], row: int) -> None:
    known = issuer.standing
    if len(known) >= _KEPT:
        known.pop(next(iter(known)), None)
    known[place] = row


def _subject(issuer: Issuer, wanted: _Wanted) -> int:
    """Return the subject number of a grant for a resource server or a key, beyond the ids of all rows."""
    parts = (wanted.audience, wanted.jkt) if wanted.jkt else (wanted.audience,)
    return _BEYOND | int.from_bytes(issuer.digest_of("standing", *parts)[:7])
