"""Terminals of a realm, such as printers, that users authorise apps for."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.flaws import Flaw, demand, flaws_of
from lingpai.core.issuer_records import Terminal
from lingpai.core.user_records import User
from lingpai.issuer import admin
from lingpai.issuer.checks import check_label, check_terminal
from lingpai.issuer.context import Issuer
from lingpai.issuer.user_documents import terminal_document
from lingpai.issuer.verbs.terminals import show_key
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import PREFIX, Action, Nothing, Resource
from lingpai.operating.site import Site


class MachineEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The fields of a terminal that can be changed; `owner` is a login name, "" or null for none."""

    name: str = ""
    owner: str | None = None
    msign: str = ""

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return "MachineEntry()"


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal with its owner.

    Attributes:
        terminal: as it is stored.
        owner: who owns it, or None.
    """

    terminal: Terminal
    owner: User | None = None

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"Machine({self.terminal.machine_code})"


async def qr(site: Site, key: Key, _body: Nothing) -> Document:
    """Make the key that a terminal shows as a QR code."""
    found = await Machines().find(site, key)
    if found is None:
        raise Machines().missing(key)
    issuer = site.issuer(key[0])
    shown = await show_key(issuer, found.terminal)
    return {
        "realm": issuer.realm,
        "machine_code": found.terminal.machine_code,
        "qr_key": shown,
        "expires_in": issuer.policy.qr_key,
    }


class Machines(Resource[Machine]):
    """See `issuer_records.Terminal`; the key is realm and code."""

    kind = "machines"
    path = "/realms/{realm}/machines/{machine}"
    area = "issuer"
    noun = "terminal"
    entry = MachineEntry
    written = ("msign",)
    filters: ClassVar[Mapping[str, str]] = {
        **PREFIX,
        "owner": "Only those of the user with this login name.",
        "above": "Only those with codes above this one.",
    }
    actions: ClassVar[Mapping[str, Action]] = {
        "qr": Action(
            "/qr", qr, Nothing, "Make the key that a terminal shows as a QR code.", underived="qr_key"
        )
    }

    @override
    async def find(self, site: Site, key: Key) -> Machine | None:
        issuer = site.issuer(key[0])
        found = await issuer.store.find_terminal(*key)
        return None if found is None else await _with_owner(issuer, found)

    @override
    def key_of(self, site: Site, record: Machine) -> Key:
        del site
        return (record.terminal.realm, record.terminal.machine_code)

    @override
    async def document(self, site: Site, record: Machine) -> Document:
        document = await terminal_document(site.issuer(record.terminal.realm), record.terminal)
        return document | {"name": record.terminal.name, "owner": record.owner and record.owner.login}

    @override
    def state(self, site: Site, record: Machine) -> Any:
        return (record.terminal, record.owner and record.owner.login)

    @override
    def settable(self, record: Machine) -> Document:
        return {"name": record.terminal.name, "owner": record.owner and record.owner.login}

    @override
    async def build(self, site: Site, key: Key, entry: Any, known: Machine | None) -> Machine:
        realm, code = key
        issuer = site.issuer(realm)
        found = await issuer.store.find_login(realm, entry.owner) if entry.owner else None
        flaws = flaws_of("machine_code", check_label, code, "machine_code")
        flaws += flaws_of("name", check_terminal, "1", entry.name, "")
        flaws += flaws_of("msign", check_terminal, "1", "", entry.msign)
        if entry.owner and found is None:
            flaws.append(Flaw("owner", "There is no such user."))
        demand(flaws)
        bare = known.terminal if known else Terminal(realm=realm, machine_code=code, created_at=issuer.now())
        owner = found[0] if found else None
        changed = msgspec.structs.replace(bare, name=entry.name, owner=owner.id if owner else None)
        if entry.msign:
            digest = admin.digest_terminal_secret(issuer, entry.msign)
            changed = msgspec.structs.replace(changed, secret_digest=digest)
        return Machine(terminal=changed, owner=owner)

    @override
    def changed(self, known: Machine, wanted: Machine) -> tuple[str, ...]:
        names = {"name": "name", "owner": "owner", "secret_digest": "msign"}
        first, second = known.terminal, wanted.terminal
        return tuple(shown for name, shown in names.items() if getattr(first, name) != getattr(second, name))

    @override
    async def save(self, site: Site, known: Machine | None, wanted: Machine) -> Mapping[str, str] | None:
        issuer = site.issuer(wanted.terminal.realm)
        owners = (_login(known), _login(wanted))
        before = known.terminal if known else None
        saved = await admin.replace_terminal(issuer, before, wanted.terminal, owners)
        return None if saved is None else {}

    @override
    async def remove(self, site: Site, known: Machine) -> bool:
        return await admin.remove_terminal(site.issuer(known.terminal.realm), known.terminal)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        """By code."""
        issuer, prefix = site.issuer(key[0]), wanted.get("q", "")
        owner: int | None = None
        if wanted.get("owner"):
            found = await issuer.store.find_login(issuer.realm, wanted["owner"])
            if found is None:
                return Page([])
            owner = found[0].id
        listed: list[Terminal] = []
        # Codes that begin with a prefix follow each other; the prefix itself is the first of them.
        if prefix and wanted.get("above", "") < prefix and not after:
            exact = await issuer.store.find_terminal(issuer.realm, prefix)
            listed += [exact] if exact is not None and (owner is None or exact.owner == owner) else []
        place = max(after or wanted.get("above", ""), prefix)
        listed += await issuer.store.list_terminals(issuer.realm, owner, place, limit + 1)
        listed = [each for each in listed if each.machine_code.startswith(prefix)]
        documents = [await terminal_document(issuer, each) for each in listed[:limit]]
        return Page(documents, listed[limit - 1].machine_code if len(listed) > limit else "")


def _login(machine: Machine | None) -> str | None:
    return machine.owner.login if machine is not None and machine.owner is not None else None


async def _with_owner(issuer: Issuer, terminal: Terminal) -> Machine:
    owner = await issuer.store.find_user(terminal.owner) if terminal.owner is not None else None
    return Machine(terminal=terminal, owner=owner)
