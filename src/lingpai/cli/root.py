"""The root command: it sets the language and prints errors as one line."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typing_extensions import override

from lingpai.cli.helping import localise, localise_alone
from lingpai.cli.loading import LoadedCommands
from lingpai.cli.streams import open_closed_streams
from lingpai.core.escaping import shown_lines
from lingpai.messages.problems import explain
from lingpai.messages.translating import speaks_chinese, tr, tr_reason


class Root(TyperGroup):
    """Exit codes: 0 done, 1 it did not work, 2 wrong usage, 130 interrupted.

    Attributes:
        paths: the commands and groups, as `LoadedCommands` takes them.
    """

    paths: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **declared: Any) -> None:
        super().__init__(**declared)
        self._loaded = LoadedCommands(self.paths)
        self.commands = self._loaded  # type: ignore[assignment]  # nothing is added to them

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands, without loading them."""
        return list(self.commands)

    @override
    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; ends the process in standalone mode, else returns the exit code."""
        open_closed_streams()
        localise_alone(self)
        self._loaded.prepare = localise
        try:
            code = super().main(
                args,
                prog_name or "lingpai",
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except typer.TyperException as error:  # usage: unknown options, missing arguments, bad values
            code = error.exit_code
            text = tr_reason(error.format_message())
            if text:  # a group without a command: its help was printed
                _complain(_sentences(text, _where_to_look(error)))
        except Exception as error:  # noqa: BLE001  printed as one line, or raised again
            code = report(error)
        exit_code = code if isinstance(code, int) else 0
        if not standalone_mode:
            return exit_code
        return sys.exit(exit_code)


def report(error: BaseException) -> int:
    """Print the error that ended a command as one line; return the exit code.

    Raises:
        BaseException: the given one, when it is a bug.
    """
    if isinstance(error, typer.Abort | KeyboardInterrupt):
        _complain(tr("Interrupted; the remaining steps were not run."))
        return 130
    line = explain(error) if isinstance(error, Exception) else None
    if line is None:
        raise error
    _complain(line)
    return 1


def _sentences(first: str, second: str) -> str:
    """Join two sentences in a line, with the separator of the user's language."""
    stop, blank = ("。", "") if speaks_chinese() else (".", " ")
    ended = first if first.endswith((".", "?", "。", "？")) else f"{first}{stop}"
    return f"{ended}{blank}{second}"


def _where_to_look(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "lingpai"
    return tr("See `{command} --help`.", command=command)


def _complain(line: str) -> None:
    # As https://no-color.org defines it, and as Rich's tables do.
    prefix = "lingpai:" if os.environ.get("NO_COLOR") else typer.style("lingpai:", fg="red", bold=True)
    typer.echo(f"{prefix} {shown_lines(line.strip())}", err=True)
