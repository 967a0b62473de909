"""The controls under ``/_sandbox/``, and who may use them."""

from typing import Any, Final
from urllib.parse import urlsplit

import falcon
import falcon.asgi

from lingpai.core.hosts import Hosts
from lingpai.sandbox import control_switches as switches
from lingpai.sandbox import control_traffic as traffic
from lingpai.sandbox.control import Control, send
from lingpai.sandbox.world import World

_RESOURCES: Final[dict[str, type[Control]]] = {
    "/_sandbox/calls": traffic.CallsControl,
    "/_sandbox/received": traffic.ReceivedControl,
    "/_sandbox/faults": traffic.FaultsControl,
    "/_sandbox/codes": traffic.CodesControl,
    "/_sandbox/valid": traffic.ValidControl,
    "/_sandbox/kill": traffic.KillControl,
    "/_sandbox/force_refresh": traffic.KillControl,
    "/_sandbox/accounts": switches.AccountsControl,
    "/_sandbox/addresses": switches.AddressesControl,
    "/_sandbox/users": switches.UsersControl,
    "/_sandbox/options": switches.OptionsControl,
}


class Guard:
    """Middleware: refuses what a web page of another site sends, and closes the state at the end."""

    def __init__(self, world: World, hosts: Hosts) -> None:
        self._world = world
        self._hosts = hosts

    async def process_request(self, req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        """Refuse a request by a name that may be a web page's own, and a control with a foreign ``Origin``.

        Raises:
            falcon.HTTPForbidden: the request may come from another site's page.
        """
        if not self._hosts.includes(req.get_header("Host")):
            raise falcon.HTTPForbidden(
                description="address the sandbox by an IP address, localhost, a name of one label, or a --name"
            )
        origin = req.get_header("Origin")
        if req.path.startswith("/_sandbox") and origin and urlsplit(origin).netloc != req.netloc:
            raise falcon.HTTPForbidden(description="controls are not for other sites' pages")

    async def process_shutdown(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        """The server stops."""
        self._world.shelf.close()


def resources(world: World) -> dict[str, Control]:
    """The controls of ``world`` by path."""
    return {path: control(world) for path, control in _RESOURCES.items()}


async def unknown(req: falcon.asgi.Request, resp: falcon.asgi.Response | None, **_: Any) -> None:  # noqa: ARG001 - falcon's shape
    """No such control: 404, with those that there are."""
    if resp is None:  # a websocket
        return
    resp.status = falcon.HTTP_404
    send(resp, {"title": "no such control", "controls": sorted(_RESOURCES)})
