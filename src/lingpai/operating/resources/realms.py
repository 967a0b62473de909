"""Realms of the issuer: what they are and every number of their policies, which settings change."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.delegation import keys
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.realms import Realm, pages_prefix
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.realm_choice import facts_of
from lingpai.operating.resources.resource import PREFIX, Action, Resource, sliced
from lingpai.operating.rights import READ, Area, Need
from lingpai.operating.site import Site


class LoginKey(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Whether a realm that has a key gets the next one, and whether the keys before end now."""

    rotate: bool = False
    at_once: bool = False


async def login_key(site: Site, key: Key, body: LoginKey) -> Document:
    """Make the key that a realm and its own site sign with."""
    issuer, realm = site.issuer(key[0]), site.realms[key[0]]
    if body.at_once and not body.rotate:
        raise LingpaiError(Kind.INVALID_PARAMETER, "at_once is for rotate.", parameter="at_once")
    if not body.rotate and await issuer.store.list_login_keys(issuer.realm):
        reason = f"The realm {issuer.realm} has a login key already, and keys are shown only once. Rotate it."
        raise LingpaiError(Kind.CONFLICT, reason, parameter="rotate")
    made = await keys.rotate(issuer, at_once=body.at_once)
    url = site.origin + pages_prefix(realm)
    return {
        "realm": issuer.realm,
        "number": made.number,
        "key": made.key,
        "iss": url,
        "return_to": f"{url}/login/return",
        "login": realm.login,
    }


class Realms(Resource[Realm]):
    """See `issuer.realms.Realm`; the key is the name."""

    kind = "realms"
    path = "/realms/{realm}"
    area = "issuer"
    noun = "realm"
    methods = ("GET",)
    filters = PREFIX
    actions: ClassVar[Mapping[str, Action]] = {
        "login-key": Action(
            "/login-key",
            login_key,
            LoginKey,
            "Make the key that a realm and its own site sign with; shown once.",
            underived="key",
        )
    }

    @override
    def need(self, key: Key, verb: str, area: Area | None = None) -> Need:
        """Return the right: who may see to the users of a realm may read which protocol it speaks."""
        realm = key[0] if key else ""
        return Need(area or ("users" if realm and verb == READ else self.area), verb, realm)

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
        dialect = dialects()[record.dialect]
        usual = msgspec.to_builtins(dialect.policy)
        facts = facts_of(site, record.name)
        return {
            "realm": record.name,
            "protocol": record.dialect,
            "prefix": record.prefix,
            "enabled": facts.enabled,
            "login": record.login,
            "address": site.origin + record.prefix,
            "named": facts.named,
            "terminals": facts.terminals,
            "signs_tokens": facts.signs,
            "registration": getattr(record.settings or dialect.settings(), "registration", None),
            "policy": {
                name: {"value": value, "source": "protocol" if value == usual[name] else "settings"}
                for name, value in policy.items()
            },
        }

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        """In the order of the settings."""
        del key
        prefix = wanted.get("q", "")
        documents = [
            await self.document(site, each) for name, each in site.realms.items() if name.startswith(prefix)
        ]
        return sliced([(f"{n:09}", each) for n, each in enumerate(documents, 1)], after, limit)
