"""Resource servers of a realm: the APIs that access tokens of the standard protocol are for."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from typing_extensions import override

from lingpai.core.errors import LingpaiError
from lingpai.core.flaws import Flaw, demand
from lingpai.core.issuer_records import Resource as ResourceServer
from lingpai.core.moments import moment
from lingpai.issuer import administration
from lingpai.issuer.administration import RESOURCE_FIELDS as FIELDS
from lingpai.issuer.checks import check_resource
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.policy import SCOPES
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import PREFIX, Resource, sliced
from lingpai.operating.site import Site


def resource_document(issuer: Issuer, found: ResourceServer) -> Document:
    """Return a resource server as a JSON document."""
    return {
        "realm": found.realm,
        "uri": found.uri,
        **FIELDS.shown(found),
        "created_at": moment(issuer.wall(found.created_at)),
    }


async def resource_flaws(
    issuer: Issuer, resource: ResourceServer, declared: Collection[tuple[str, str]] = ()
) -> list[Flaw]:
    """Return the flaws of a resource server.

    Args:
        issuer: its realm.
        resource: as it is described.
        declared: realms and ids of apps that are not stored yet, and will be.
    """
    flaws = []
    try:
        check_resource(resource)
    except LingpaiError as error:
        field = "uri" if error.parameter == "resource" else error.parameter or "uri"
        flaws.append(Flaw(field, error.reason))
    flaws += [
        Flaw("scopes", f"{word!r} is a scope of the protocol itself; a resource cannot have it.")
        for word in resource.scopes
        if word in SCOPES
    ]
    if resource.introspector and (issuer.realm, resource.introspector) not in declared:
        app = await issuer.store.find_app(issuer.realm, resource.introspector)
        if app is None:
            flaws.append(Flaw("introspector", f"There is no app {resource.introspector}."))
        elif app.public:
            text = f"The app {resource.introspector} is public and has no secret."
            flaws.append(Flaw("introspector", text))
    return flaws


class ResourceServers(Resource[ResourceServer]):
    """See `issuer_records.Resource`; the key is realm and URI."""

    kind = "resources"
    path = "/realms/{realm}/resources/{resource:path}"
    area = "issuer"
    noun = "resource server"
    entry = FIELDS.entry("ResourceEntry", {})
    filters = PREFIX

    @override
    async def find(self, site: Site, key: Key) -> ResourceServer | None:
        return await site.issuer(key[0]).store.find_resource(*key)

    @override
    def key_of(self, site: Site, record: ResourceServer) -> Key:
        del site
        return (record.realm, record.uri)

    @override
    async def document(self, site: Site, record: ResourceServer) -> Document:
        return resource_document(site.issuer(record.realm), record)

    @override
    def settable(self, record: ResourceServer) -> Document:
        settable: Document = msgspec.to_builtins(FIELDS.named(record))
        return settable

    @override
    async def build(self, site: Site, key: Key, entry: Any, known: ResourceServer | None) -> ResourceServer:
        realm, uri = key
        issuer = site.issuer(realm)
        bare = known or ResourceServer(realm=realm, uri=uri, created_at=issuer.now())
        wanted = msgspec.structs.replace(bare, **FIELDS.named(entry))
        demand(await resource_flaws(issuer, wanted))
        return wanted

    @override
    def changed(self, known: ResourceServer, wanted: ResourceServer) -> tuple[str, ...]:
        return FIELDS.changed(known, wanted)

    @override
    async def save(
        self, site: Site, known: ResourceServer | None, wanted: ResourceServer
    ) -> Mapping[str, str] | None:
        saved = await administration.save_resource(site.issuer(wanted.realm), known, wanted)
        return None if saved is None else {}

    @override
    async def remove(self, site: Site, known: ResourceServer) -> bool:
        return await administration.remove_resource(site.issuer(known.realm), known)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        issuer = site.issuer(key[0])
        found = await issuer.store.list_resources(issuer.realm)
        items = [(each.uri, resource_document(issuer, each)) for each in found]
        return sliced(items, after, limit, wanted.get("q", ""))
