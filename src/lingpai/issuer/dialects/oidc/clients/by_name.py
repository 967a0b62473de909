"""`none`: a public client names itself; its codes and refresh tokens have to be proof enough (RFC 6749 §3.2.1)."""

from typing_extensions import override

from lingpai.core.wire import Call
from lingpai.issuer.app_sources import AppSource, found_by
from lingpai.issuer.dialects.oidc.clients.methods import Caller, Method, Presented
from lingpai.issuer.verbs.apps import require_public


class ByName(Method):
    """The id in the body, and nothing else.

    Args:
        apps: finds clients.
    """

    def __init__(self, apps: AppSource) -> None:
        self._apps = apps

    @override
    def came(self, params: Presented, _call: Call) -> bool:
        """Credentials of any other method come before it."""
        return bool(params.client_id)

    @override
    async def prove(self, params: Presented, call: Call, _endpoint: str) -> Caller:
        found = await found_by(self._apps, params.client_id or "", call.peer)
        return Caller(require_public(found, call.peer))
