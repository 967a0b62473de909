"""Realms of the issuer: what they are and every number of their policies, which settings change."""

from collections.abc import Mapping
from typing import Any

import msgspec
from typing_extensions import override

from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.realms import Realm
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import Resource, sliced
from lingpai.operating.site import Site


class Realms(Resource[Realm]):
    """See `issuer.realms.Realm`; the key is the name."""

    kind = "realms"
    path = "/realms/{realm}"
    area = "issuer"
    noun = "realm"
    methods = ("GET",)

    @override
    async def find(self, site: Site, key: Key) -> Realm | None:
        return site.realms.get(key[0])

    @override
    def state(self, site: Site, record: Realm) -> Any:
        policy = msgspec.to_builtins(site.issuer(record.name).policy)
        return [record.name, record.dialect, record.prefix, record.login, record.name in site.enabled, policy]

    @override
    async def document(self, site: Site, record: Realm) -> Document:
        policy = msgspec.to_builtins(site.issuer(record.name).policy)
        usual = msgspec.to_builtins(dialects()[record.dialect].policy)
        return {
            "realm": record.name,
            "protocol": record.dialect,
            "prefix": record.prefix,
            "enabled": record.name in site.enabled,
            "login": record.login,
            "policy": {
                name: {"value": value, "source": "protocol" if value == usual[name] else "settings"}
                for name, value in policy.items()
            },
        }

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key, wanted
        found = [(name, await self.document(site, each)) for name, each in sorted(site.realms.items())]
        return sliced(found, after, limit)
