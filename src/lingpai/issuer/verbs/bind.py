"""Bind a grant to the key of a client: its access tokens are good with a proof of that key alone (RFC 9449 §6)."""

import msgspec

from lingpai.core.issuer_records import Grant
from lingpai.issuer.context import Issuer
from lingpai.issuer.sign_ins import encode_sign_in, read_sign_in

_ATTEMPTS = 32


async def bind_key(issuer: Issuer, grant: Grant, jkt: str, *, renew: bool) -> Grant | None:
    """Return the grant, bound to this key; None when it has ended, or is bound to another key that may not be replaced.

    Key and generation change in one write, so of two who bind it at the same time one is first, and no access token of
    before goes on with the new key.

    Args:
        issuer: the realm.
        grant: as read.
        jkt: the key's thumbprint, "" to bind it to none.
        renew: whether the key may replace another; access tokens of the grant that are out end then.
    """
    for _ in range(_ATTEMPTS):
        sign_in = read_sign_in(grant)
        if sign_in.jkt == jkt:
            return grant
        if sign_in.jkt and not renew:
            return None
        generation = grant.generation + (1 if renew else 0)
        kept = encode_sign_in(msgspec.structs.replace(sign_in, jkt=jkt, since=generation))
        if await issuer.store.bind_grant(grant, kept, generation):
            return msgspec.structs.replace(grant, nonce=kept, generation=generation)
        view = await issuer.store.read_grant(grant.id)
        if view is None or view.grant.salt != grant.salt or view.grant.state is not grant.state:
            return None
        grant = view.grant
    return None
