"""The admin API and the console, put together as an application of its own."""

from collections.abc import Mapping

from lingpai.admin_site import site_of
from lingpai.console.desk import Desk
from lingpai.console.routes import Console
from lingpai.console.sessions import Sessions
from lingpai.core.hosts import Hosts
from lingpai.design.icons import icon_routes
from lingpai.edge.app import EdgeApp, create_app
from lingpai.issuer.context import Issuer
from lingpai.keeper.keeper import Keeper
from lingpai.operating.problems import PROBLEMS
from lingpai.operating.routes import AdminApi
from lingpai.settings import Settings


def admin_app(
    settings: Settings, keeper: Keeper, issuers: Mapping[str, Issuer], *, sandbox: str = ""
) -> EdgeApp:
    """Return the admin API and the console as an application.

    Args:
        settings: of the service.
        keeper: the token hub.
        issuers: every realm, disabled ones too.
        sandbox: address of the sandbox, whose faults the console can switch; "" in production.
    """
    site = site_of(settings, keeper, issuers)
    host, _ = settings.admin.place() if settings.admin.listen else ("", 0)
    hosts = Hosts((host, *settings.admin.hosts))
    api = AdminApi(site, hosts, settings.admin.networks)
    sessions = Sessions(keeper, api.door)
    console = Console(
        Desk(site, sessions, hosts, secure=settings.admin.secure, zone=settings.zone(), sandbox=sandbox)
    )
    routes = (*api.routes(), *console.routes(), *icon_routes(PROBLEMS))
    app = create_app(routes, (("", PROBLEMS),), settings.admin_edge_options())
    app.on_ending = console.end
    return app
