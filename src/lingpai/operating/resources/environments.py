"""One callback domain for many environments: with what a platform signs its pushes, and who receives them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from typing_extensions import override

from lingpai.core.flaws import demand
from lingpai.core.relays import Environment, Relay
from lingpai.keeper import administration
from lingpai.keeper.relay.settings import (
    FIELDS,
    RELAY_FIELDS,
    environment_document,
    environment_flaws,
    relay_document,
    relay_flaws,
)
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.accounts import NO_LABEL
from lingpai.operating.resources.resource import Resource, sliced
from lingpai.operating.site import Site


def app_of(key: Key) -> str:
    """Return the name of the account that a key of three parts names."""
    platform, account, label = key
    return "/".join(filter(None, (platform, account, "" if label == NO_LABEL else label)))


class Relays(Resource[Relay]):
    """See `core.relays.Relay`; the key is platform, id and label of the account."""

    kind = "relays"
    path = "/relays/{platform}/{account}/{label}"
    area = "keeper"
    noun = "relay"
    entry = RELAY_FIELDS.entry("RelayEntry", {})
    written = ("token", "aes_key", "former_aes_key")

    @override
    async def find(self, site: Site, key: Key) -> Relay | None:
        return await site.keeper.store.find_relay(app_of(key))

    @override
    def key_of(self, site: Site, record: Relay) -> Key:
        del site
        platform, account, *label = record.app.split("/")
        return (platform, account, label[0] if label else NO_LABEL)

    @override
    async def document(self, site: Site, record: Relay) -> Document:
        return relay_document(record, site.keeper.options.origin)

    @override
    def settable(self, record: Relay) -> Document:
        return {}

    @override
    async def build(self, site: Site, key: Key, entry: Any, known: Relay | None) -> Relay:
        """What is not given stays; another EncodingAESKey makes the one before the former one."""
        bare = known or Relay(app=app_of(key), created_at=site.keeper.clock.now())
        given = {name: value for name, value in RELAY_FIELDS.named(entry).items() if value}
        if known is not None and known.aes_key and given.get("aes_key", known.aes_key) != known.aes_key:
            given.setdefault("former_aes_key", known.aes_key)
        wanted = msgspec.structs.replace(bare, **given)
        demand(relay_flaws(site.keeper.platforms, wanted))
        return wanted

    @override
    def changed(self, known: Relay, wanted: Relay) -> tuple[str, ...]:
        return RELAY_FIELDS.changed(known, wanted)

    @override
    async def save(self, site: Site, known: Relay | None, wanted: Relay) -> Mapping[str, str] | None:
        return {} if await administration.save_relay(site.keeper, known, wanted) else None

    @override
    async def remove(self, site: Site, known: Relay) -> bool:
        return await administration.remove_relay(site.keeper, known)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key, wanted
        relays = await site.keeper.store.list_relays()
        return sliced([(each.app, await self.document(site, each)) for each in relays], after, limit)


class Environments(Resource[Environment]):
    """See `core.relays.Environment`; the key is the name."""

    kind = "environments"
    path = "/environments/{name}"
    area = "keeper"
    noun = "environment"
    entry = FIELDS.entry("EnvironmentEntry", {})
    written = ("token", "aes_key")

    @override
    async def find(self, site: Site, key: Key) -> Environment | None:
        return await site.keeper.store.find_environment(key[0])

    @override
    def key_of(self, site: Site, record: Environment) -> Key:
        del site
        return (record.name,)

    @override
    async def document(self, site: Site, record: Environment) -> Document:
        waiting = (await site.keeper.store.waiting_copies()).get(record.name)
        return environment_document(record, waiting, site.keeper.options.origin)

    @override
    def state(self, site: Site, record: Environment) -> Any:
        del site
        return (record.name, FIELDS.named(record), record.created_at)

    @override
    def settable(self, record: Environment) -> Document:
        return {name: value for name, value in FIELDS.named(record).items() if name not in self.written}

    @override
    async def build(self, site: Site, key: Key, entry: Any, known: Environment | None) -> Environment:
        bare = known or Environment(name=key[0], app="", created_at=site.keeper.clock.now())
        given = FIELDS.named(entry)
        for name in self.written:
            given[name] = given[name] or getattr(bare, name)
        wanted = msgspec.structs.replace(bare, **given)
        demand(environment_flaws(site.keeper.platforms, wanted))
        return wanted

    @override
    def changed(self, known: Environment, wanted: Environment) -> tuple[str, ...]:
        return FIELDS.changed(known, wanted)

    @override
    async def save(
        self, site: Site, known: Environment | None, wanted: Environment
    ) -> Mapping[str, str] | None:
        return {} if await administration.save_environment(site.keeper, known, wanted) else None

    @override
    async def remove(self, site: Site, known: Environment) -> bool:
        return await administration.remove_environment(site.keeper, known)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key, wanted
        waiting = await site.keeper.store.waiting_copies()
        origin = site.keeper.options.origin
        found = [
            (each.name, environment_document(each, waiting.get(each.name), origin))
            for each in await site.keeper.store.list_environments()
        ]
        return sliced(found, after, limit)
