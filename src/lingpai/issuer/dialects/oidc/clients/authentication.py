"""The client of a request: of the methods whose credentials came, one alone, and one that the client may use."""

from typing import Final

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call
from lingpai.issuer.app_sources import AppSource
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.clients.by_assertion import ByAssertion
from lingpai.issuer.dialects.oidc.clients.by_name import ByName
from lingpai.issuer.dialects.oidc.clients.by_secret import ByBasic, ByPost
from lingpai.issuer.dialects.oidc.clients.keys import ClientKeys
from lingpai.issuer.dialects.oidc.clients.methods import Caller, Method, Presented, failed

CONFIDENTIAL: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt")
"""By the names of RFC 7591 §2; the metadata lists them."""
METHODS: Final = (*CONFIDENTIAL, "none")


class Clients:
    """Authenticates the clients of one realm.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        keys: the clients' public keys.
        apps: finds the clients that have no secret.
    """

    def __init__(self, issuer: Issuer, url: str, keys: ClientKeys, apps: AppSource) -> None:
        self._by_name = ByName(apps)
        self._methods: tuple[Method, ...] = (
            ByBasic(issuer),
            ByPost(issuer),
            ByAssertion(issuer, url, keys, apps),
        )

    async def authenticate(
        self, params: Presented, call: Call, endpoint: str, *, public: bool = True
    ) -> Caller:
        """Return the client of a request.

        Args:
            params: as given.
            call: its headers.
            endpoint: address of the endpoint that was called.
            public: whether a client that cannot authenticate is let in.

        Raises:
            LingpaiError: INVALID_CLIENT; INVALID_PARAMETER when there are two authentications; ADDRESS_NOT_ALLOWED,
                TOO_MANY_REQUESTS.
        """
        caller = await self._chosen(params, call).prove(params, call, endpoint)
        if caller.app.public and not public:
            raise failed("A client without credentials may not ask this.")
        call.caller = caller.app.app_id
        return caller

    def _chosen(self, params: Presented, call: Call) -> Method:
        chosen: Method | None = None
        for method in self._methods:
            if method.came(params, call):
                if chosen is not None:
                    raise LingpaiError(
                        Kind.INVALID_PARAMETER,
                        "Client credentials may come in one place only.",
                        parameter="client_id",
                    )
                chosen = method
        if chosen is not None:
            return chosen
        if not self._by_name.came(params, call):
            raise failed("There are no client credentials in header or body.")
        return self._by_name
