"""Help that names what the platforms' files declare."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from typer.core import TyperCommand

from lingpai.cli.messages import speaks_chinese


class _Words(NamedTuple):
    comma: str
    last: str
    default: str
    colon: str
    semicolon: str


_ENGLISH = _Words(", ", " or ", " (the default)", ": ", "; ")
_CHINESE = _Words("、", " 或 ", "（默认）", "：", "；")


class PlatformCommand(TyperCommand):
    """A command whose help has {platforms}, {account_words} or {modes} in it.

    They are filled in when the help is shown: to load the platforms takes longer than everything else that help needs.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Fill in what the platforms declare, and show the help."""
        for each in self.params:
            if getattr(each, "help", None):
                each.help = fill(each.help, chinese=speaks_chinese())  # type: ignore[attr-defined]  # options and arguments have one
        super().format_help(ctx, formatter)


def fill(text: str, *, chinese: bool) -> str:
    """Return a help text with what the platforms declare."""
    if "{" not in text:
        return text
    from lingpai.keeper.platforms.registry import platform_types

    types, words = platform_types().values(), _CHINESE if chinese else _ENGLISH
    modes = {each.name: list(each.sample().modes) for each in types}
    values = {
        "platforms": _either(modes, words),
        "account_words": _either(dict.fromkeys(each.account_word for each in types), words),
        "modes": words.semicolon.join(
            f"{name}{words.colon}{_either([f'{first}{words.default}', *others], words)}"
            for name, (first, *others) in modes.items()
            if others
        ),
    }
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _either(each: Iterable[str], words: _Words) -> str:
    *others, last = each
    return f"{words.comma.join(others)}{words.last}{last}" if others else last
