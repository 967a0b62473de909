"""Callers of the token hub."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import demand
from lingpai.core.moments import moment
from lingpai.core.records import Caller
from lingpai.keeper import administration
from lingpai.keeper.callers import FIELDS, caller_document, caller_flaws, ends_by_name, read_callers
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import Action, Resource, sliced
from lingpai.operating.site import Site

OVERLAP = 86_400
MOST_OVERLAP = 366 * 86_400


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """How long, in seconds, the keys before stay valid."""

    overlap: int = OVERLAP


async def rotate(site: Site, key: Key, body: NewKey) -> Document:
    """Give a caller another key."""
    (name,) = key
    if not 0 <= body.overlap <= MOST_OVERLAP:
        raise LingpaiError(
            Kind.INVALID_PARAMETER, "The overlap is 0 to 366 days, in seconds.", parameter="overlap"
        )
    text = site.caller_key()
    if not await administration.rotate_caller(site.keeper, name, text, body.overlap):
        raise LingpaiError(Kind.NOT_FOUND, f"There is no caller {name} with a valid key.")
    ends = ends_by_name(await site.keeper.store.list_former_keys()).get(name, ())
    return {
        "caller": name,
        "outcome": "rotated",
        "key": text,
        "overlap": body.overlap,
        "former_keys_end_at": [*map(moment, ends)],
    }


class Callers(Resource[Caller]):
    """See `records.Caller`; the key is the name. Removing one revokes its keys, and its name stays taken."""

    kind = "callers"
    path = "/callers/{name}"
    area = "keeper"
    noun = "caller"
    entry = FIELDS.entry("CallerEntry", {})
    made = ("key",)
    actions: ClassVar[Mapping[str, Action]] = {
        "keys": Action(
            "/keys",
            rotate,
            NewKey,
            "Give a caller another key; the ones before stay valid for a while.",
            secret="key",  # noqa: S106  the name of a field
        )
    }

    async def find(self, site: Site, key: Key) -> Caller | None:
        """See `Resource.find`."""
        return await site.keeper.store.find_caller_named(key[0])

    def key_of(self, site: Site, record: Caller) -> Key:
        """See `Resource.key_of`."""
        del site
        return (record.name,)

    async def document(self, site: Site, record: Caller) -> Document:
        """See `Resource.document`."""
        former = ends_by_name(await site.keeper.store.list_former_keys())
        return caller_document(record, former.get(record.name, ()))

    def settable(self, record: Caller) -> Document:
        """See `Resource.settable`."""
        return FIELDS.named(record)

    def build(self, site: Site, key: Key, entry: Any, known: Caller | None) -> Caller:
        """See `Resource.build`."""
        if known is not None and known.revoked_at is not None:
            raise LingpaiError(Kind.CONFLICT, "The caller was revoked, and its name cannot be used again.")
        bare = known or Caller(name=key[0], created_at=site.keeper.clock.now())
        wanted = msgspec.structs.replace(bare, **FIELDS.named(entry))
        demand(caller_flaws(site.keeper.platforms, wanted))
        return wanted

    def changed(self, known: Caller, wanted: Caller) -> tuple[str, ...]:
        """See `Resource.changed`."""
        return FIELDS.changed(known, wanted)

    async def save(self, site: Site, known: Caller | None, wanted: Caller) -> Mapping[str, str] | None:
        """See `Resource.save`."""
        if known is not None:
            return {} if await administration.change_caller(site.keeper, known, wanted) else None
        key = site.caller_key()
        return {"key": key} if await administration.add_caller(site.keeper, wanted, key) else None

    def secret_again(self, site: Site, key: Key) -> str:
        """See `Resource.secret_again`."""
        del key
        return site.caller_key()

    async def remove(self, site: Site, known: Caller) -> bool:
        """See `Resource.remove`."""
        return await administration.revoke_caller(site.keeper, known.name)

    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        """See `Resource.page`."""
        del key, wanted
        callers, former = await read_callers(site.keeper)
        return sliced(
            [(each.name, caller_document(each, former.get(each.name, ()))) for each in callers], after, limit
        )
