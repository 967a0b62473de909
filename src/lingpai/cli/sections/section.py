"""A section of a declaration file: its entries' type and its planner."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import GenericAlias
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import msgspec

from lingpai.cli.sections.references import resolve
from lingpai.keeper.keeper import Keeper
from lingpai.operating.realm_choice import IssuerChoice

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
    """The environment of a section's planner: open keeper and realms, the file and its folder."""

    keeper: Keeper
    realms: IssuerChoice
    folder: Path
    document: Mapping[str, Any]

    def secret(self, text: str) -> str:
        """Return the secret that an entry contains or refers to (`env:NAME`, `file:PATH`).

        Raises:
            Problem: the reference leads nowhere.
        """
        return resolve(text, self.folder)


@dataclasses.dataclass(frozen=True, slots=True)
class Section(Generic[AnyEntry]):
    """A section: the name of its array in the file, the type of its entries, and its planner.

    `plan` gets the stage, the entries, and whether what the file does not name is to go.
    """

    name: str
    entry: type[AnyEntry]
    plan: Callable[[Stage, Sequence[AnyEntry], bool], Awaitable[Plan]]

    def read(self, content: Any) -> list[AnyEntry]:
        """Return the entries of this section.

        Raises:
            msgspec.ValidationError: the content does not have the entries' form.
        """
        entries: list[AnyEntry] = msgspec.convert(content, GenericAlias(list, (self.entry,)))
        return entries
