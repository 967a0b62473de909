"""Commands that are imported when they are called by name, so that a command line loads one module of them."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typing_extensions import override


class LoadedCommands(Mapping[str, Any]):
    """The commands and groups of the root, by name, in the order of its help.

    Args:
        paths: for each name `module:attribute` in `lingpai.cli`. The attribute is a function, which becomes a
            command, or a `typer.Typer`, which becomes a group.

    Attributes:
        prepare: called once with each command that is loaded.
    """

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.prepare: Callable[[Any], None] = _leave
        self._paths = paths
        self._loaded: dict[str, Any] = {}

    @override
    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(self._paths[name])
            self.prepare(self._loaded[name])
        return self._loaded[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    @override
    def __len__(self) -> int:
        return len(self._paths)


def _leave(_command: Any) -> None:
    """Leave a command as it is declared."""


def _load(path: str) -> Any:
    module, _, attribute = path.partition(":")
    declared = getattr(import_module(f"lingpai.cli.{module}"), attribute)
    if isinstance(declared, typer.Typer):
        return typer.main.get_group(declared)
    alone = typer.Typer(add_completion=False)
    alone.command()(declared)
    return typer.main.get_command(alone)
