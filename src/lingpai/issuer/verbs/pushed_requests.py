"""Authorization requests that clients push ahead of the browser (RFC 9126): a row each, and a handle that names it.

A browser may come with the handle again and again until its user has answered. All requests that begin from it have one
digest, so the store's commit of the first answer uses it up.
"""

from lingpai.core.authorization_records import Pushed
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.requests import same_request
from lingpai.store.issuer_port import SignedRequest

DIGEST_BYTES = 16
"""Of the digest under which the answer to a pushed request is kept."""


async def push_request(issuer: Issuer, app: App, params: str, *, request: SignedRequest | None = None) -> str:
    """Keep a request that is known to be right, and return its handle.

    Args:
        issuer: the realm.
        app: who pushes.
        params: as JSON.
        request: the signed request that this is, see `verbs.requests.each_once`.

    Raises:
        LingpaiError: REPLAYED_REQUEST.
    """
    now = issuer.now()
    pushed = await issuer.store.add_pushed(
        Pushed(
            app=app.requests_row,
            salt=issuer.new_salt(),
            params=params,
            created_at=now,
            ends_at=now + issuer.policy.pushed,
        ),
        request=request,
    )
    if pushed is None:
        raise same_request()
    return issuer.seal(HandleKind.PUSHED, pushed.id, 0, pushed.created_at, pushed.salt)


async def find_pushed(issuer: Issuer, app: App, handle: str) -> tuple[Pushed, bytes]:
    """Return the request of a handle, which nobody answered yet, and the digest under which its answer is kept.

    That of an app which a document describes may be another such app's: its parameters say whose.

    Raises:
        LingpaiError: INVALID_AUTHORIZATION when it is another app's, has ended, or was answered.
    """
    opened = issuer.unseal(handle, HandleKind.PUSHED)
    pushed = await issuer.store.read_pushed(opened.id) if opened else None
    if (
        opened is None
        or pushed is None
        or pushed.salt != opened.salt
        or pushed.app != app.requests_row
        or pushed.ends_at <= issuer.now()
    ):
        raise _used_up()
    digest = issuer.digest_of("pushed", handle)[:DIGEST_BYTES]
    if await issuer.store.read_answer(digest) is not None:
        raise _used_up()
    return pushed, digest


def _used_up() -> LingpaiError:
    return LingpaiError(Kind.INVALID_AUTHORIZATION, "The request_uri is not known, was used, or has expired.")
