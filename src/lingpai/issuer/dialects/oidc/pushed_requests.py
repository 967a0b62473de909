"""`/par` (RFC 9126): a client pushes its authorization request, and gives the browser no more than a name for it."""

from typing import Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call, Reply
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.authorization_endpoint import REDIRECTED, AuthorizationEndpoint, name_of
from lingpai.issuer.dialects.oidc.clients import Clients
from lingpai.issuer.dialects.oidc.dpop import Proofs
from lingpai.issuer.dialects.oidc.params import AuthorizeParams, PushAnswer, PushedParams, PushParams
from lingpai.issuer.dialects.oidc.shape import CORS, JSON, UNSTORED, describe
from lingpai.issuer.oauth_errors import INVALID_REQUEST, ErrorBody
from lingpai.issuer.verbs.pushed_requests import push_request
from lingpai.issuer.verbs.requests import each_once

_encode = msgspec.json.Encoder().encode
_NAMES: Final = tuple(name for name in AuthorizeParams.__struct_fields__ if name != "request_uri")
_REFUSED: Final = {**REDIRECTED, Kind.WRONG_REDIRECT_URI: INVALID_REQUEST}
"""Errors of the request itself, by the names that they have at `/authorize`."""


class PushEndpoint:
    """The endpoint for pushed requests of one realm.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        front: checks requests.
        clients: authenticates clients.
        proofs: reads proofs of keys, which bind the code.
    """

    def __init__(
        self, issuer: Issuer, url: str, front: AuthorizationEndpoint, clients: Clients, proofs: Proofs
    ) -> None:
        self._proofs = proofs
        self._issuer = issuer
        self._address = url + "/par"
        self._front = front
        self._clients = clients

    async def push(self, params: PushParams, call: Call) -> Reply:
        """Check a request as `/authorize` does, and keep it."""
        app, once = await self._clients.authenticate(params, call, self._address)
        proof = self._proofs.read(call, self._address)
        if proof is not None:
            once = (*once, proof.once(app))
        more = self._proofs.offered() if proof is not None else ()
        try:
            async with each_once(self._issuer, once) as request:
                kept = await self._checked(params, app, "" if proof is None else proof.jkt)
                handle = await push_request(self._issuer, app, kept, request=request)
        except LingpaiError as error:
            name = name_of(error, _REFUSED)
            if name is None:
                raise
            return Reply(_encode(ErrorBody(name, describe(error)[2])), 400, JSON, UNSTORED + CORS)
        answer = PushAnswer(self._front.PUSHED + handle, self._issuer.policy.pushed)
        return Reply(_encode(answer), 201, JSON, UNSTORED + CORS + more)

    async def _checked(self, params: PushParams, app: App, jkt: str) -> str:
        if params.request_uri is not None:
            raise LingpaiError(
                Kind.INVALID_PARAMETER, "A pushed request names no other.", parameter="request_uri"
            )
        if jkt and params.dpop_jkt not in {None, jkt}:
            raise LingpaiError(
                Kind.INVALID_PARAMETER, "The proof is of another key than dpop_jkt.", parameter="dpop_jkt"
            )
        given = {name: getattr(params, name) for name in _NAMES}
        given |= {"dpop_jkt": jkt or params.dpop_jkt, "client_id": app.app_id}
        pushed = PushedParams(**given)
        await self._front.check(pushed, app)
        return _encode({name: value for name, value in given.items() if value is not None}).decode()
