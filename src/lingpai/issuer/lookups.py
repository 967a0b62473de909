"""The grant behind a token, looked up in two steps: begun as soon as the token is known, and awaited when it is needed.

Most requests name an app and a token, and the app comes first: nothing about a token is answered before its caller is
known. But reads that take a round trip need not follow each other. So a caller begins the look-up, finds the app, and
passes the begun look-up to the verb.
"""

from collections.abc import Awaitable, Generator
from typing import Any

from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import GrantView
from lingpai.issuer.audiences import AIMED, MOST_TARGETS, aimed_generation
from lingpai.issuer.context import Issuer

LookedUp = tuple[Handle | None, GrantView | None]
"""The handle of a token, None when it is none of this realm and kind; and its grant, None when there is none.

With a grant, the handle has its whole generation. The row of an id that was handed out again is no grant of it."""

LookUp = LookedUp | Awaitable[LookedUp]
"""A look-up that was begun: its outcome where a read takes no round trip, else what to await for it, or to leave."""


class _Reading:
    """A look-up whose grant is on its way."""

    def __init__(self, handle: Handle, view: Awaitable[GrantView | None]) -> None:
        self._handle = handle
        self._view = view

    def __await__(self) -> Generator[Any, None, LookedUp]:
        """The outcome.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        return _matched(self._handle, (yield from self._view.__await__()))


def begin_look_up(issuer: Issuer, token: str, kind: HandleKind) -> LookUp:
    """Begin to look up the handle of a token and its grant, as stored at some time from now on.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    handle = issuer.openers[kind](token)
    if handle is None:
        return None, None
    view = issuer.store.begin_read(handle.id)
    if view is None:
        return handle, None
    if not isinstance(view, GrantView):
        return _Reading(handle, view)
    return (handle, view) if handle.salt == view.grant.salt else _matched(handle, view)


def begin_spending(
    issuer: Issuer, grant_type: str | None, code: str | None, refresh_token: str | None
) -> LookUp | None:
    """Begin to look up what a request for tokens spends: its code or its refresh token. None when it is missing.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    by_code = grant_type == "authorization_code"  # RFC 6749 §4.1.3
    token = code if by_code else refresh_token
    kind = HandleKind.CODE if by_code else HandleKind.REFRESH
    return None if token is None else begin_look_up(issuer, token, kind)


async def look_up(issuer: Issuer, token: str, kind: HandleKind) -> LookedUp:
    """Return the handle of a token and its grant, as stored now.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    begun = begin_look_up(issuer, token, kind)
    return begun if isinstance(begun, tuple) else await begun


def _matched(handle: Handle, view: GrantView | None) -> LookedUp:
    """The two, the grant only when the handle was made for it."""
    if view is None or handle.salt == view.grant.salt:
        return handle, view
    newest = view.grant.generation
    if view.grant.audience and handle.kind in AIMED:
        newest = aimed_generation(newest, MOST_TARGETS - 1)
    whole = handle.of_row(view.grant.salt, newest)
    return (handle, None) if whole is None else (whole, view)
