"""The section `resources`: the resource servers that tokens of the standard protocol are for."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from lingpai.core.issuer_records import Resource
from lingpai.issuer import administration
from lingpai.issuer.administration import RESOURCE_FIELDS as FIELDS
from lingpai.issuer.context import Issuer
from lingpai.messages.problems import OVERTAKEN, Problem
from lingpai.messages.translating import sentences, tr
from lingpai.operating.port import Document
from lingpai.operating.realm_choice import signs
from lingpai.operating.resources.resource_servers import resource_flaws
from lingpai.operating.sections.apps import APPS
from lingpai.operating.sections.draft import Draft, declared
from lingpai.operating.sections.section import Change, Plan, Section, Stage

ResourceEntry = FIELDS.entry("ResourceEntry", {"uri": str}, realm="")
"""See `issuer_records.Resource`; `access` is in seconds, `introspector` the id of an app."""


async def plan(stage: Stage, entries: Sequence[Any], prune: bool) -> Plan:
    """Return the required changes. The same file may declare the apps that introspect."""
    draft = Draft("resources", stage)
    with_secret = [each for each in APPS.read(stage.document.get(APPS.name, [])) if not each.public]
    apps = declared(stage, with_secret, "app_id")
    for entry in entries:
        target = draft.resolve(entry.uri, entry.realm, "", signs)
        if target is None:
            continue
        issuer, _, name = target
        wanted = Resource(realm=issuer.realm, uri=entry.uri, created_at=issuer.now(), **FIELDS.named(entry))
        found = sentences(await resource_flaws(issuer, wanted, apps))
        found += draft.repeated(name)
        if draft.accepts(name, found):
            draft.changes.append(await _change(issuer, name, wanted))
    if prune:
        for issuer in stage.realms.some(""):
            for each in await issuer.store.list_resources(issuer.realm):
                draft.prune(issuer, each.uri, partial(administration.remove_resource, issuer, each))
    return draft.plan()


async def _change(issuer: Issuer, name: str, wanted: Resource) -> Change:
    known = await issuer.store.find_resource(issuer.realm, wanted.uri)
    save = partial(_save, issuer, name, known, wanted)
    if known is None:
        return Change(name, "add", perform=save)
    differing = FIELDS.changed(known, wanted)
    return Change(name, "change", differing, save) if differing else Change(name, "keep")


async def _save(issuer: Issuer, name: str, known: Resource | None, wanted: Resource) -> None:
    if await administration.save_resource(issuer, known, wanted) is None:
        raise Problem(f"{name}: {tr(OVERTAKEN)}")


async def entries(stage: Stage) -> AsyncIterator[Document]:
    """Yield every resource server."""
    for issuer in stage.realms.some(""):
        for each in await issuer.store.list_resources(issuer.realm):
            yield {"realm": issuer.realm, "uri": each.uri} | FIELDS.shown(each)


RESOURCES = Section("resources", ResourceEntry, plan, entries, "issuer", ("uri",))
