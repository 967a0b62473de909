"""A section of a declaration file: its entries' type and its planner."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import GenericAlias
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

import msgspec

from lingpai.keeper.keeper import Keeper
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr
from lingpai.operating.port import Document
from lingpai.operating.realm_choice import IssuerChoice
from lingpai.operating.rights import Area
from lingpai.operating.site import Site

ENV: Final = "env:"
FILE: Final = "file:"
Action = Literal["add", "change", "remove", "keep"]
AnyEntry = TypeVar("AnyEntry")


async def nothing() -> None:
    """Change nothing."""


class Change(NamedTuple):
    """One difference between file and store.

    Attributes:
        name: of the thing, within its section.
        action: what becomes of it.
        fields: names of the fields that differ; never their values.
        perform: makes it so; run only when every section's plan has no problem.
        reveal: a secret that was made for it and is shown this once, or "".
    """

    name: str
    action: Action
    fields: tuple[str, ...] = ()
    perform: Callable[[], Awaitable[object]] = nothing
    reveal: str = ""


class Plan(NamedTuple):
    """The changes of one section, and the problems that forbid all of them."""

    changes: list[Change]
    problems: list[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Stage:
    """The environment of a section's planner: keeper, realms, declarations, and the site, which makes secrets."""

    keeper: Keeper
    realms: IssuerChoice
    document: Mapping[str, Any]
    site: Site

    def secret(self, text: str) -> str:
        """Return the secret that an entry has.

        Raises:
            Problem: it is a reference. `lingpai apply` resolves those, as files and variables of the service are no
                business of its callers.
        """
        if is_reference(text):
            raise Problem(
                tr("References (env:NAME, file:PATH) are for `lingpai apply`; send the secret itself.")
            )
        return text


def is_reference(text: str) -> bool:
    """Return whether a text names where a secret is, instead of being one."""
    return text.startswith((ENV, FILE))


@dataclasses.dataclass(frozen=True, slots=True)
class Section(Generic[AnyEntry]):
    """A section: the name of its array in the file, the type of its entries, and its planner.

    `plan` gets the stage, the entries, and whether what the file does not name is to go. `entries` yields
    what there is as entries, without secrets. `area` is of the rights that
    it needs, `keys` are the fields that name an entry, `secrets` those that may be references.
    """

    name: str
    entry: type[AnyEntry]
    plan: Callable[[Stage, Sequence[AnyEntry], bool], Awaitable[Plan]]
    entries: Callable[[Stage], AsyncIterator[Document]]
    area: Area
    keys: tuple[str, ...]
    secrets: tuple[str, ...] = ()

    def read(self, content: Any) -> list[AnyEntry]:
        """Return the entries of this section.

        Raises:
            msgspec.ValidationError: the content does not have the entries' form.
        """
        entries: list[AnyEntry] = msgspec.convert(content, GenericAlias(list, (self.entry,)))
        return entries
