"""The section `resources`: the resource servers that tokens of the standard protocol are for."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import msgspec

from lingpai.cli.resource_checks import resource_of, resource_problems
from lingpai.cli.sections.apps import APPS
from lingpai.cli.sections.draft import Draft
from lingpai.cli.sections.section import Change, Plan, Section, Stage
from lingpai.cli.signing import signs
from lingpai.core.issuer_records import Resource
from lingpai.issuer.context import Issuer

COMPARED = ("name", "scopes", "token_format", "alg", "access", "introspector")


class ResourceEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A resource server; see `issuer_records.Resource`. `access` is in seconds, `introspector` the id of an app."""

    uri: str
    realm: str = ""
    name: str = ""
    scopes: tuple[str, ...] = ()
    token_format: Literal["handle", "jwt"] = "handle"  # noqa: S105  a format
    alg: Literal["ES256", "RS256"] = "ES256"
    access: int = 0
    introspector: str = ""


async def plan(stage: Stage, entries: Sequence[ResourceEntry], prune: bool) -> Plan:
    """Return the required changes. The same file may declare the apps that introspect."""
    draft = Draft("resources", stage)
    for entry in entries:
        target = draft.resolve(entry.uri, entry.realm, "", signs)
        if target is None:
            continue
        issuer, _, name = target
        given = {each: getattr(entry, each) for each in COMPARED}
        wanted = resource_of(realm=issuer.realm, uri=entry.uri, created_at=issuer.now(), **given)
        found = await resource_problems(issuer, wanted, _declared(stage, issuer)) + draft.repeated(name)
        if draft.accepts(name, found):
            draft.changes.append(await _change(issuer, name, wanted))
    if prune:
        for issuer in stage.realms.some(""):
            for each in await issuer.store.list_resources(issuer.realm):
                draft.prune(issuer, each.uri, partial(issuer.store.remove_resource, issuer.realm, each.uri))
    return draft.plan()


def _declared(stage: Stage, issuer: Issuer) -> frozenset[str]:
    """The apps with a secret that the same file declares in this realm."""
    entries = APPS.read(stage.document.get(APPS.name, []))
    return frozenset(
        each.app_id for each in entries if not each.public and stage.realms.one(each.realm) is issuer
    )


async def _change(issuer: Issuer, name: str, wanted: Resource) -> Change:
    save = partial(issuer.store.save_resource, wanted)
    known = await issuer.store.find_resource(issuer.realm, wanted.uri)
    if known is None:
        return Change(name, "add", perform=save)
    differing = tuple(each for each in COMPARED if getattr(known, each) != getattr(wanted, each))
    return Change(name, "change", differing, save) if differing else Change(name, "keep")


RESOURCES = Section("resources", ResourceEntry, plan)
