"""What is wrong with a resource server, before it is stored."""

from collections.abc import Collection

from lingpai.core.errors import LingpaiError
from lingpai.core.flaws import Flaw
from lingpai.core.issuer_records import Resource
from lingpai.issuer.checks import check_resource
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.policy import SCOPES


async def resource_flaws(issuer: Issuer, resource: Resource, declared: Collection[str] = ()) -> list[Flaw]:
    """Return the flaws of a resource server.

    Args:
        issuer: its realm.
        resource: as it is described.
        declared: ids of apps that are not stored yet, and will be.
    """
    flaws = []
    try:
        check_resource(resource)
    except LingpaiError as error:
        field = "uri" if error.parameter == "resource" else error.parameter or "uri"
        flaws.append(Flaw(field, error.reason))
    flaws += [
        Flaw("scopes", f"{word!r} is a scope of the protocol itself, not of a resource.")
        for word in resource.scopes
        if word in SCOPES
    ]
    if resource.introspector and resource.introspector not in declared:
        app = await issuer.store.find_app(issuer.realm, resource.introspector)
        if app is None:
            flaws.append(Flaw("introspector", f"There is no app {resource.introspector}."))
        elif app.public:
            text = f"{resource.introspector} is a public client and has no secret."
            flaws.append(Flaw("introspector", text))
    return flaws
