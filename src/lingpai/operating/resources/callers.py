"""Callers of the token hub."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import demand
from lingpai.core.moments import moment
from lingpai.core.records import Caller
from lingpai.keeper import administration
from lingpai.keeper.callers import FIELDS, caller_document, caller_flaws, ends_by_name, read_callers
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import PREFIX, Action, Resource, sliced
from lingpai.operating.site import Site

OVERLAP = 86_400
MOST_OVERLAP = 366 * 86_400


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """The overlap with the keys before, in seconds."""

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
    filters = PREFIX
    actions: ClassVar[Mapping[str, Action]] = {
        "keys": Action(
            "/keys",
            rotate,
            NewKey,
            "Give a caller another key; the ones before stay valid for a while.",
            secret="key",  # noqa: S106  the name of a field
        )
    }

    @override
    async def find(self, site: Site, key: Key) -> Caller | None:
        return await site.keeper.store.find_caller_named(key[0])

    @override
    def key_of(self, site: Site, record: Caller) -> Key:
        del site
        return (record.name,)

    @override
    async def document(self, site: Site, record: Caller) -> Document:
        former = ends_by_name(await site.keeper.store.list_former_keys())
        return caller_document(record, former.get(record.name, ()))

    @override
    def settable(self, record: Caller) -> Document:
        return FIELDS.named(record)

    @override
    async def build(self, site: Site, key: Key, entry: Any, known: Caller | None) -> Caller:
        if known is not None and known.revoked_at is not None:
            raise LingpaiError(Kind.CONFLICT, "The caller was revoked, and its name cannot be used again.")
        bare = known or Caller(name=key[0], created_at=site.keeper.clock.now())
        wanted = msgspec.structs.replace(bare, **FIELDS.named(entry))
        demand(caller_flaws(site.keeper.platforms, wanted))
        return wanted

    @override
    def changed(self, known: Caller, wanted: Caller) -> tuple[str, ...]:
        return FIELDS.changed(known, wanted)

    @override
    async def save(self, site: Site, known: Caller | None, wanted: Caller) -> Mapping[str, str] | None:
        if known is not None:
            return {} if await administration.change_caller(site.keeper, known, wanted) else None
        key = site.caller_key()
        return {"key": key} if await administration.add_caller(site.keeper, wanted, key) else None

    @override
    def secret_again(self, site: Site, key: Key, kept: Document) -> str:
        del key, kept
        return site.caller_key()

    @override
    async def remove(self, site: Site, known: Caller) -> bool:
        return await administration.revoke_caller(site.keeper, known.name)

    @override
    async def remove_known(self, site: Site, known: Caller) -> bool:
        return await administration.revoke_caller(site.keeper, known.name, known)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        del key
        callers, former = await read_callers(site.keeper)
        return sliced(
            [(each.name, caller_document(each, former.get(each.name, ()))) for each in callers],
            after,
            limit,
            wanted.get("q", ""),
        )
