"""The grant behind a token, read when it is needed or, where a read takes a round trip, begun before that.

Most requests name an app and a token, and the app comes first: who asks is known before what they ask for is told. That
is no reason to read the one after the other.
"""

import asyncio
from contextvars import ContextVar
from typing import NamedTuple

from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import GrantView
from lingpai.issuer.context import Issuer

LookedUp = tuple[Handle | None, GrantView | None]
"""What the token says, None when it is none of this realm and kind; and its grant, None when there is none."""


class _Begun(NamedTuple):
    issuer: Issuer
    token: str
    kind: HandleKind
    handle: Handle | None
    view: "asyncio.Task[GrantView | None] | None"


_begun: ContextVar[_Begun | None] = ContextVar("begun", default=None)
"""What this request has begun to read; each request runs in a context of its own."""


def begin_look_up(issuer: Issuer, token: str | None, kind: HandleKind) -> None:
    """Begin to read the grant of a token that this request will `look_up`, beside what it reads before.

    Does nothing without a token, nor where the store answers at once.
    """
    if token is None or not issuer.store.remote:
        return
    handle = issuer.unseal(token, kind)
    view = asyncio.ensure_future(issuer.store.read_grant(handle.id)) if handle else None
    if view is not None:
        view.add_done_callback(_forget)
    _begun.set(_Begun(issuer, token, kind, handle, view))


async def look_up(issuer: Issuer, token: str, kind: HandleKind) -> LookedUp:
    """What a token says and its grant, as it stands at some time since the request came.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    begun = _begun.get()
    if begun is not None and begun.token == token and begun.kind is kind and begun.issuer is issuer:
        _begun.set(None)  # a second look is a new one
        return begun.handle, None if begun.view is None else await begun.view
    handle = issuer.unseal(token, kind)
    return handle, None if handle is None else await issuer.store.read_grant(handle.id)


def _forget(view: "asyncio.Task[GrantView | None]") -> None:
    """A request that was refused before never asks what came of it."""
    if not view.cancelled():
        view.exception()
