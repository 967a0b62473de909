"""The section `apps`: whom the issuer issues to."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer import admin
from lingpai.issuer.app_fields import FIELDS
from lingpai.issuer.app_flaws import app_flaws, client_flaws
from lingpai.issuer.context import Issuer
from lingpai.messages.problems import OVERTAKEN, Problem
from lingpai.messages.translating import sentences, tr
from lingpai.operating.port import Document
from lingpai.operating.sections.draft import Draft, Target
from lingpai.operating.sections.section import Change, Plan, Section, Stage
from lingpai.operating.site import Site

AppEntry = FIELDS.entry("AppEntry", {"app_id": str}, realm="", secret="")
"""See `issuer_records.App`; `secret` may be a reference to one that is in use already. Without it one is made."""


async def plan(stage: Stage, entries: Sequence[Any], prune: bool) -> Plan:
    """Return the required changes. A secret that the file does not give does not change."""
    draft = Draft("apps", stage)
    for entry in entries:
        target = draft.resolve(entry.app_id, entry.realm, entry.secret)
        if target is None:
            continue
        issuer, secret, name = target
        wanted = _app(issuer, entry)
        found = sentences([*app_flaws(wanted), *client_flaws(issuer, wanted)])
        if not entry.app_id:
            found.append(tr("The app_id is missing."))
        if entry.public and secret:
            found.append(tr("A public client has no secret."))
        elif secret and not wanted.by_secret:
            found.append(tr("An app that authenticates by its own keys has no secret."))
        found += draft.repeated(name)
        if draft.accepts(name, found):
            draft.changes.append(await _change(stage.site, target, wanted))
    if prune:
        await _prune(draft, stage)
    return draft.plan()


async def _prune(draft: Draft, stage: Stage) -> None:
    """Plan the removal of what the file does not name, but for apps that describe themselves: no file ever did."""
    for issuer in stage.realms.some(""):
        for each in await issuer.store.list_apps(issuer.realm):
            if not each.describes_itself:
                draft.prune(issuer, each.app_id, partial(admin.remove_app, issuer, each))


def _app(issuer: Issuer, entry: Any) -> App:
    return App(realm=issuer.realm, app_id=entry.app_id, **FIELDS.named(entry))


async def _change(site: Site, target: Target, wanted: App) -> Change:
    issuer, secret, name = target
    known = await issuer.store.find_app(issuer.realm, wanted.app_id)
    if known is None:
        made = "" if secret or not wanted.by_secret else site.app_secret(issuer, name)
        add = partial(admin.declare_app, issuer, wanted, secret or made)
        return Change(name, "add", perform=add, reveal=made)
    differing = [*FIELDS.changed(known, wanted)]
    if secret and known.secrets[:1] != (admin.make_secret(issuer, secret),):
        differing.append("secret")
    elif (
        not secret and wanted.by_secret and not known.secrets
    ):  # it was a public client, or had keys of its own
        secret = made = site.app_secret(issuer, name)
        change = partial(admin.declare_app, issuer, wanted, secret)
        return Change(name, "change", (*differing, "secret"), change, reveal=made)
    if not differing:
        return Change(name, "keep")
    if secret:
        return Change(name, "change", tuple(differing), partial(admin.declare_app, issuer, wanted, secret))
    return Change(name, "change", tuple(differing), partial(_alter, issuer, known, wanted, differing))


async def _alter(issuer: Issuer, known: App, wanted: App, differing: Sequence[str]) -> None:
    """Change the fields that the plan names, and keep other changes made since."""
    fields = {name: getattr(wanted, name) for name in differing}
    if not wanted.by_secret:
        fields["secrets"] = ()
    try:
        await admin.change_app(issuer, known, **fields)
    except LingpaiError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
        raise Problem(f"{issuer.realm}/{wanted.app_id}: {tr(OVERTAKEN)}") from error


async def entries(stage: Stage) -> AsyncIterator[Document]:
    """Yield every app that does not describe itself, without its secrets."""
    for issuer in stage.realms.some(""):
        for each in await issuer.store.list_apps(issuer.realm):
            if not each.describes_itself:
                yield {"realm": issuer.realm, "app_id": each.app_id} | FIELDS.shown(each)


APPS = Section("apps", AppEntry, plan, entries, "issuer", ("app_id",), ("secret",))
