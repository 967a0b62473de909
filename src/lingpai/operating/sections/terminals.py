"""The section `machines`: terminals that apps are authorised for."""

from collections.abc import AsyncIterator, Collection, Sequence
from functools import partial

import msgspec

from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.messages.translating import tr
from lingpai.operating.port import Document
from lingpai.operating.realm_choice import has_terminals
from lingpai.operating.sections.checking import terminal_problems
from lingpai.operating.sections.draft import Draft, declared
from lingpai.operating.sections.section import Change, Plan, Section, Stage
from lingpai.operating.sections.users import USERS


class TerminalEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A terminal; see `issuer_records.Terminal`. `owner` is a login name, `msign` may be a reference."""

    machine_code: str
    realm: str = ""
    name: str = ""
    owner: str = ""
    msign: str = ""

    def __repr__(self) -> str:
        """Return a text without the terminal's secret."""
        return f"MachineEntry({self.realm}/{self.machine_code})"


async def plan(stage: Stage, entries: Sequence[TerminalEntry], prune: bool) -> Plan:
    """Return the required changes. The same file may declare owners; a secret that it does not give does not change."""
    draft = Draft("machines", stage)
    users = declared(stage, USERS.read(stage.document.get(USERS.name, [])), "login")
    for entry in entries:
        target = draft.resolve(entry.machine_code, entry.realm, entry.msign, has_terminals)
        if target is None:
            continue
        issuer, msign, name = target
        found = terminal_problems(entry.machine_code) + draft.repeated(name)
        if entry.owner and not await _is_user(issuer, entry.owner, users):
            found.append(tr("There is no user {name}; `lingpai user list` shows all.", name=entry.owner))
        if draft.accepts(name, found):
            draft.changes.append(await _change(issuer, name, entry, msign))
    if prune:
        for issuer in stage.realms.some(""):
            async for each in admin.each_terminal(issuer):
                draft.prune(issuer, each.machine_code, partial(admin.remove_terminal, issuer, each))
    return draft.plan()


async def _is_user(issuer: Issuer, login: str, users: Collection[tuple[str, str]]) -> bool:
    """Return whether a user is stored, or among those that the same file declares."""
    return (issuer.realm, login) in users or await issuer.store.find_login(issuer.realm, login) is not None


async def _change(issuer: Issuer, name: str, entry: TerminalEntry, msign: str) -> Change:
    save = partial(_save, issuer, entry, msign)
    known = await issuer.store.find_terminal(issuer.realm, entry.machine_code)
    if known is None:
        return Change(name, "add", perform=save)
    owner = await issuer.store.find_user(known.owner) if known.owner is not None else None
    differing = [
        field
        for field, same in (
            ("name", known.name == entry.name),
            ("owner", (owner.login if owner else "") == entry.owner),
            ("msign", not msign or known.secret_digest == admin.digest_terminal_secret(issuer, msign)),
        )
        if not same
    ]
    return Change(name, "change", tuple(differing), save) if differing else Change(name, "keep")


async def _save(issuer: Issuer, entry: TerminalEntry, msign: str) -> None:
    owner = await admin.find_user(issuer, entry.owner) if entry.owner else None
    await admin.save_terminal(issuer, entry.machine_code, name=entry.name, owner=owner, msign=msign)


async def entries(stage: Stage) -> AsyncIterator[Document]:
    """Yield every terminal, without its secret."""
    for issuer in stage.realms.some(""):
        async for each in admin.each_terminal(issuer):
            owner = await issuer.store.find_user(each.owner) if each.owner is not None else None
            yield {
                "realm": issuer.realm,
                "machine_code": each.machine_code,
                "name": each.name,
                "owner": owner.login if owner else "",
            }


TERMINALS = Section("machines", TerminalEntry, plan, entries, "issuer", ("machine_code",), ("msign",))
