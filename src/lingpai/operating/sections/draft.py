"""A plan in the making, for the sections whose entries are things of an issuer's realm."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from lingpai.core.errors import LingpaiError
from lingpai.issuer.context import Issuer
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr, tr_reason
from lingpai.operating.realm_choice import Able, any_realm
from lingpai.operating.sections.section import Change, Plan, Stage


class Target(NamedTuple):
    """The realm, secret and name of an entry.

    Attributes:
        issuer: of its realm.
        secret: the secret that it contains or refers to, or "".
        name: its name within its section.
    """

    issuer: Issuer
    secret: str
    name: str


class Draft:
    """Gathers changes and problems, and which things the file names.

    Args:
        section: its name.
        stage: what the planner works with.
    """

    def __init__(self, section: str, stage: Stage) -> None:
        self.changes: list[Change] = []
        self._problems: list[str] = []
        self._named: set[str] = set()
        self._section = section
        self._stage = stage

    def resolve(self, key: str, realm: str, secret: str, able: Able = any_realm) -> Target | None:
        """Resolve an entry's realm and secret; when that fails, add a problem to the plan and return None.

        Args:
            key: its name in the realm.
            realm: as the entry names it; see `RealmChoice.one`, also for `able`.
            secret: as the entry gives it; see `Stage.secret`.
            able: whether a realm has such entries.
        """
        try:
            issuer = self._stage.realms.one(realm, able)
            given = self._stage.secret(secret)
        except LingpaiError as error:
            self._problems.append(f"{self._section}/{key}: {tr_reason(error.reason)}")
            return None
        except Problem as problem:
            self._problems.append(f"{self._section}/{key}: {problem}")
            return None
        return Target(issuer, given, f"{issuer.realm}/{key}")

    def repeated(self, name: str) -> list[str]:
        """Return a problem when the file has already named this."""
        return [tr("It is in the file twice.")] if name in self._named else []

    def accepts(self, name: str, found: list[str]) -> bool:
        """Add the name and its problems to the draft; return whether there are none."""
        self._problems += [f"{name}: {each}" for each in found]
        self._named.add(name)
        return not found

    def prune(self, issuer: Issuer, key: str, remove: Callable[[], Awaitable[object]]) -> None:
        """Plan the removal of a stored entry unless the file names it."""
        name = f"{issuer.realm}/{key}"
        if name not in self._named:
            self.changes.append(Change(name, "remove", perform=remove))

    def plan(self) -> Plan:
        """Return the collected plan."""
        return Plan(self.changes, self._problems)


def declared(stage: Stage, entries: Sequence[Any], field: str) -> frozenset[tuple[str, str]]:
    """Return what a section declares: the realm and this field of each entry, but for those whose realm is not clear.

    Read it once for a plan: a file may have tens of thousands of entries.
    """
    realms: dict[str, str] = {}
    for each in entries:
        if each.realm not in realms:
            try:
                realms[each.realm] = stage.realms.one(each.realm).realm
            except LingpaiError:  # which the section's own plan reports
                realms[each.realm] = ""
    return frozenset((realms[each.realm], getattr(each, field)) for each in entries)
