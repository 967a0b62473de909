"""The pages of commands, from the command line's own declarations, in the two languages that it speaks."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import typer
from typer.core import TyperArgument

from docs.generator.markdown import code, head, joined, table
from lingpai.cli.declared_help import fill
from lingpai.cli.tree import app
from lingpai.messages.translating import catalogue

Translate = Callable[[str], str]


class Command(NamedTuple):
    """One command; `words` is how it is called, such as ("lingpai", "account", "add")."""

    words: tuple[str, ...]
    declared: Any

    @property
    def parameters(self) -> list[Any]:
        """Its arguments and options, but for --help."""
        every = self.declared.get_params(typer.Context(self.declared))
        return [each for each in every if each.name != "help"]

    @property
    def options(self) -> set[str]:
        """Everything that may stand behind it and begins with a dash."""
        every = self.declared.get_params(typer.Context(self.declared))
        return {option for each in every for option in (*each.opts, *each.secondary_opts) if option[0] == "-"}


def commands() -> list[Command]:
    """Every command there is, groups too."""
    return list(_below(("lingpai",), typer.main.get_command(app)))


def _below(words: tuple[str, ...], declared: Any) -> Iterator[Command]:
    yield Command(words, declared)
    for name, inner in getattr(declared, "commands", {}).items():
        yield from _below((*words, name), inner)


def page() -> str:
    """The page in English."""
    introduction = (
        "In a pipe, or with `--json`, every command writes one JSON document. Exit codes: 0 done, 1 it did not "
        "work, 2 wrong usage, 130 interrupted. With a Chinese locale (`LANG=zh_CN.UTF-8`) all of it speaks Chinese."
    )
    words = ("argument or option", "default", "meaning")
    return _page(
        "Commands",
        ("[中文](commands.zh-CN.md)", introduction),
        words,
        lambda text: fill(text, chinese=False),
    )


def page_in_chinese() -> str:
    """The page in Simplified Chinese."""
    introduction = (
        "在管道中或加上 `--json` 时，每个命令输出一个 JSON 文档。退出码：0 完成，1 未成功，2 用法错误，130 被中断。"
        "语言随 locale：`LANG=zh_CN.UTF-8` 时显示中文。"
    )
    table_of = catalogue()
    return _page(
        "命令", ("[English](commands.md)", introduction), ("参数或选项", "默认值", "说明"),
        lambda text: fill(table_of.get(text, text), chinese=True),
    )  # fmt: skip


def _page(title: str, introduction: tuple[str, ...], columns: tuple[str, ...], translate: Translate) -> str:
    blocks = head(title, *introduction)
    for command in commands():
        blocks.append(f"## `{' '.join(command.words)}`")
        blocks += _paragraphs(command.declared.help, translate)
        rows = [
            (_called(each), code(_default(each)), translate(" ".join((each.help or "").split())))
            for each in command.parameters
        ]
        if rows:
            blocks.append(table(columns, rows))
    return joined(blocks)


def _paragraphs(text: str | None, translate: Translate) -> list[str]:
    return [translate(" ".join(each.split())) for each in (text or "").split("\n\n") if each.strip()]


def _called(parameter: Any) -> str:
    if isinstance(parameter, TyperArgument):
        return code(parameter.name.upper())
    return " ".join(map(code, (*parameter.opts, *parameter.secondary_opts)))


def _default(parameter: Any) -> str:
    value = parameter.default
    return "" if value is None or value is False or value == "" or callable(value) else str(value)
