"""`client_secret_basic` and `client_secret_post`: either does for a client that has a secret (RFC 6749 §2.3.1)."""

from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call
from lingpai.issuer.basic import basic_credentials
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.clients.methods import Caller, Method, Presented, failed
from lingpai.issuer.verbs.apps import authenticate_app, authenticate_public


class ByBasic(Method):
    """Id and secret in the Authorization header; a public client that is made to send one sends it empty.

    Args:
        issuer: the realm.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    @override
    def came(self, _params: Presented, call: Call) -> bool:
        return (call.header("authorization") or "").partition(" ")[0].lower() == "basic"

    @override
    async def prove(self, params: Presented, call: Call, _endpoint: str) -> Caller:
        basic = basic_credentials(call)
        if basic is None:
            raise failed("The Basic credentials cannot be read.")
        if params.client_id not in {None, *basic.app_ids}:
            raise LingpaiError(
                Kind.INVALID_PARAMETER,
                "Client credentials may come in one place only.",
                parameter="client_id",
            )
        secret, *readings = basic.secrets
        app_id = await self._named(basic.app_ids)
        if not secret:
            return Caller(await authenticate_public(self._issuer, app_id, call.peer))
        return _checked(await authenticate_app(self._issuer, app_id, secret, call.peer, readings=readings))

    async def _named(self, readings: tuple[str, ...]) -> str:
        """The reading of a client's id that is one; the first when none is."""
        for app_id in readings[1:]:
            if await self._issuer.store.find_app(self._issuer.realm, app_id) is not None:
                return app_id
        return readings[0]


class ByPost(Method):
    """Id and secret in the body.

    Args:
        issuer: the realm.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    @override
    def came(self, params: Presented, _call: Call) -> bool:
        return bool(params.client_secret)

    @override
    async def prove(self, params: Presented, call: Call, _endpoint: str) -> Caller:
        app_id, secret = params.client_id or "", params.client_secret or ""
        if not app_id:
            raise failed("The client's id is missing.")
        return _checked(await authenticate_app(self._issuer, app_id, secret, call.peer))


def _checked(app: App) -> Caller:
    """Refuse a secret that is left of the time before the client was given another method."""
    if not app.by_secret:
        raise failed("The client authenticates in another way.")
    return Caller(app)
