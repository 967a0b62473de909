"""Registries of what packages declare: ours, a line each, and those of other packages by entry points."""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar


class Named(Protocol):
    """An entry of a registry, with a name of its own."""

    @property
    def name(self) -> str:
        """The name."""
        ...


T = TypeVar("T", bound=Named)


class PluginError(Exception):
    """An entry point of another package cannot be used; the message names it."""


class DescriptionError(PluginError):
    """A file that describes a platform cannot be used; the message names file, line and value, and what to do next.

    Attributes:
        file: the file.
        line: of it, from 1.
        value: the path of the value that is wrong, such as `token.limits.0`, or "".
        problem: what is wrong with it.
    """

    def __init__(self, file: str, line: int, value: str, problem: str) -> None:
        self.file, self.line, self.value, self.problem = file, line, value, problem
        what = f"{value}: {problem}" if value else problem
        super().__init__(f"{file}:{line}: {what}. Correct it, then run `lingpai platform check {file}`.")


class Registry(Generic[T]):
    """Everything of one kind, by name.

    Args:
        noun: what one of them is called, such as "platform".
        group: of the entry points by which other packages add theirs.
        kind: `module:Class` of each of them, loaded when an entry point is.
        built_in: `module:NAME` of ours, in their order.
        further: `module:function` that yields those that are found elsewhere, or "".
    """

    def __init__(self, noun: str, group: str, kind: str, built_in: Sequence[str], further: str = "") -> None:
        self.noun = noun
        self._group = group
        self._kind = kind
        self._built_in = built_in
        self._further = further
        self._registered: dict[str, T] = {}
        self._known: Mapping[str, T] | None = None
        self._elsewhere: tuple[T, ...] | None = None

    def all(self) -> Mapping[str, T]:
        """Return every one by name: ours first, then those of other packages by name, found ones, and registered ones.

        Raises:
            PluginError: an entry point cannot be loaded, is of another type, or has a name that is taken.
        """
        if self._known is None:
            found: dict[str, T] = {each.name: each for each in map(self._load, self._built_in)}
            foreign = sorted(entry_points(group=self._group), key=lambda each: each.name)
            for each in (*map(self._load_foreign, foreign), *self._found(), *self._registered.values()):
                self._require_free(each, found)
                found[each.name] = each
            self._known = found
        return self._known

    def _found(self) -> tuple[T, ...]:
        """Return those that are found elsewhere: looked for once, so that each stays the same object."""
        if self._elsewhere is None:
            yielded: Iterable[T] = self._loaded(self._further)() if self._further else ()
            self._elsewhere = tuple(yielded)
        return self._elsewhere

    def register(self, each: T) -> None:
        """Add one of this process's own.

        Raises:
            PluginError: its name is taken.
        """
        self._require_free(each, self.all())
        self._registered[each.name] = each
        self._known = None

    def unregister(self, name: str) -> None:
        """Remove one that `register` added."""
        del self._registered[name]
        self._known = None

    def _require_free(self, each: T, known: Mapping[str, T]) -> None:
        if each.name in known:
            raise PluginError(f"There are two {self.noun}s of the name {each.name}.")

    def _load(self, target: str) -> T:
        found: T = self._loaded(target)
        return found

    def _loaded(self, target: str) -> Any:
        module, _, name = target.partition(":")
        return getattr(importlib.import_module(module), name)

    def _load_foreign(self, entry: EntryPoint) -> T:
        kind: type = self._load(self._kind)  # type: ignore[assignment]  # a class, not one of them
        try:
            found: T = entry.load()
        except Exception as error:
            raise PluginError(
                f"The {self.noun} {entry.name} ({entry.value}) cannot be loaded: {error}"
            ) from error
        if not isinstance(found, kind):
            raise PluginError(f"The {self.noun} {entry.name} ({entry.value}) is no {kind.__name__}.")
        return found
