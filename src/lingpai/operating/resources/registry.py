"""The table of all kinds of things that operators manage: a new kind is one module and one line here."""

from collections.abc import Mapping
from typing import Any, Final

from lingpai.operating.resources.accounts import Accounts
from lingpai.operating.resources.apps import Apps
from lingpai.operating.resources.callers import Callers
from lingpai.operating.resources.claims import Claims
from lingpai.operating.resources.declarations import DeclaredThings, Exports
from lingpai.operating.resources.environments import Environments, Relays
from lingpai.operating.resources.examinations import Examinations
from lingpai.operating.resources.grants import Grants
from lingpai.operating.resources.hooks import Hooks
from lingpai.operating.resources.machines import Machines
from lingpai.operating.resources.overview import Status
from lingpai.operating.resources.realms import Realms
from lingpai.operating.resources.registrations import Registrations
from lingpai.operating.resources.resource import Resource
from lingpai.operating.resources.resource_servers import ResourceServers
from lingpai.operating.resources.rings import Keys, SigningKeyList
from lingpai.operating.resources.tokens import Budgets, Tokens
from lingpai.operating.resources.trail import Admins, AuditTrail, ConsoleSessions
from lingpai.operating.resources.users import Users

RESOURCES: Final[tuple[Resource[Any], ...]] = (
    *(
        Status(),
        Examinations(),
        DeclaredThings(),
        Exports(),
        Accounts(),
        Tokens(),
        Budgets(),
        Callers(),
        Hooks(),
        Relays(),
        Environments(),
    ),
    *(Realms(), Apps(), Users(), Claims(), Grants(), Machines()),
    *(ResourceServers(), Registrations(), SigningKeyList()),
    *(Keys(), Admins(), ConsoleSessions(), AuditTrail()),
)
BY_KIND: Final[Mapping[str, Resource[Any]]] = {each.kind: each for each in RESOURCES}
