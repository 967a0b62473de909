"""`none`: a public client names itself; its codes and refresh tokens have to be proof enough (RFC 6749 §3.2.1)."""

from typing_extensions import override

from lingpai.core.wire import Call
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.clients.methods import Caller, Method, Presented
from lingpai.issuer.verbs.apps import authenticate_public


class ByName(Method):
    """The id in the body, and nothing else.

    Args:
        issuer: the realm.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    @override
    def came(self, params: Presented, _call: Call) -> bool:
        """Credentials of any other method come before it."""
        return bool(params.client_id)

    @override
    async def prove(self, params: Presented, call: Call, _endpoint: str) -> Caller:
        return Caller(await authenticate_public(self._issuer, params.client_id or "", call.peer))
