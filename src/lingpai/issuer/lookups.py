"""The grant behind a token, read when it is needed or, where a read takes a round trip, begun before that.

Most requests name an app and a token, and the app comes first: who asks is known before what they ask for is told. That
is no reason to read the one after the other.
"""

from collections.abc import Awaitable
from contextvars import ContextVar
from typing import NamedTuple

from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import GrantView
from lingpai.issuer.context import Issuer

LookedUp = tuple[Handle | None, GrantView | None]
"""What the token says, None when it is none of this realm and kind; and its grant, None when there is none.

With a grant, the handle has its whole generation. The row of an id that was handed out again is no grant of it."""


class _Begun(NamedTuple):
    issuer: Issuer
    token: str
    kind: HandleKind
    handle: Handle
    view: Awaitable[GrantView | None]


_begun: ContextVar[_Begun | None] = ContextVar("begun", default=None)
"""What this request has begun to read; each request runs in a context of its own."""


def begin_look_up(issuer: Issuer, token: str | None, kind: HandleKind) -> None:
    """Begin to read the grant of a token that this request will `look_up`, beside what it reads before.

    Does nothing without a token of this realm and kind, nor where a read takes no round trip.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    begin_read = issuer.store.begin_read
    if begin_read is None or token is None:
        return
    handle = issuer.unseal(token, kind)
    if handle is not None:
        _begun.set(_Begun(issuer, token, kind, handle, begin_read(handle.id)))


async def look_up(issuer: Issuer, token: str, kind: HandleKind) -> LookedUp:
    """What a token says and its grant, as it stands at some time since the request came.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    begun = _begun.get()
    if begun is not None and begun.token == token and begun.kind is kind and begun.issuer is issuer:
        _begun.set(None)  # a second look is a new one
        return _matched(begun.handle, await begun.view)
    handle = issuer.unseal(token, kind)
    return _matched(handle, None if handle is None else await issuer.store.read_grant(handle.id))


def _matched(handle: Handle | None, view: GrantView | None) -> LookedUp:
    """The two, the grant only when the handle was made for it."""
    if handle is None or view is None or handle.salt == view.grant.salt:
        return handle, view
    whole = handle.of_row(view.grant.salt, view.grant.generation)
    return (handle, None) if whole is None else (whole, view)
