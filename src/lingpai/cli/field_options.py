"""Options that set the fields of a record, declared in a table: a command that has them gets what was given by name."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import typer


class FieldOption(NamedTuple):
    """The option of one field.

    Attributes:
        help: its text.
        flag: its name; the field's with two dashes when "".
        many: whether it may be repeated, for a field that is a list.
    """

    help: str
    flag: str = ""
    many: bool = False

    def annotation(self) -> Any:
        """Return the type of its parameter."""
        flags = (self.flag,) if self.flag else ()
        kind: Any = list[str] if self.many else str
        return Annotated[kind | None, typer.Option(*flags, help=self.help, show_default=False)]


def with_fields(options: Mapping[str, FieldOption]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator: the options take the place of the command's parameter `given`.

    The command gets a dictionary of those that were given; lists as tuples.

    Args:
        options: by the names of the fields.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**arguments: Any) -> None:
            values = {name: arguments.pop(name) for name in options}
            given = {
                name: tuple(value) if isinstance(value, list) else value
                for name, value in values.items()
                if value is not None
            }
            command(given=given, **arguments)

        parameters: list[inspect.Parameter] = []
        for each in inspect.signature(command, eval_str=True).parameters.values():
            if each.name == "given":
                parameters += (
                    inspect.Parameter(
                        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option.annotation()
                    )
                    for name, option in options.items()
                )
            else:
                parameters.append(each.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate
