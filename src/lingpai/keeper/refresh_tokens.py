"""Refresh tokens that come with tokens, and renew them.

A refresh token is stored encrypted, as a credential of its own beside the token that it renews, and callers cannot
ask for it. It is saved before the token that came with it: a crash between the two leaves the newer refresh
token, which renews, and one before both leaves the older one, which gets the same pair again
(docs/spec/yilianyun.md).
"""

from lingpai.core.records import Credential
from lingpai.keeper.app import App
from lingpai.keeper.context import Context
from lingpai.keeper.platforms.platform import refresh_kind_of
from lingpai.store.port import Fetched

ANY_VERSION = 2**62


async def read_refresh_token(context: Context, app: App, kind: str) -> Credential | None:
    """Return the live refresh token of a kind, or None."""
    refresh_token = await context.store.read_credential(app.key(refresh_kind_of(kind)))
    if refresh_token is None or refresh_token.current is None:
        return None
    return refresh_token if refresh_token.current.end.remaining(context.clock) > 0 else None


async def save_refresh_token(
    context: Context, app: App, kind: str, fetched: Fetched, *, seen: int = ANY_VERSION
) -> None:
    """Save the refresh token that came with a token of `kind`.

    Args:
        context: the keeper's.
        app: for whom.
        kind: of the token that it renews.
        fetched: what came.
        seen: version of the one that was stored before; if there is a newer one already, that stays.
    """
    # Without a lease: that of a process that was killed must not keep this from being saved.
    await context.store.put_generation(
        app.key(refresh_kind_of(kind)),
        fetched,
        previous_end=fetched.end.earlier(fetched.lifetime),
        renew=None,
        seen=seen,
    )
