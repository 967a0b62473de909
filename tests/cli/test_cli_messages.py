import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

import lingpai
from lingpai.cli.output import STYLES
from lingpai.cli.tree import app
from lingpai.core import hooks
from lingpai.keeper.platforms.platform import Severity
from lingpai.keeper.platforms.registry import platform_types
from lingpai.keeper.platforms.wechat import wechat
from lingpai.keeper.platforms.wecom import wecom
from lingpai.keeper.remedies import address_in
from lingpai.messages.spans import span
from lingpai.messages.translating import catalogue, speaks_chinese, tr
from lingpai.operating.remedies import remedy
from tests.cli.conftest import Cli

HOMES = ("cli", "messages", "diagnosis", "operating/sections", "operating/resources")
HOME = Path(lingpai.__file__).parent
SOURCES = sorted(file for home in HOMES for file in (HOME / home).rglob("*.py"))
TREES = [ast.parse(source.read_text("utf-8")) for source in SOURCES]
TRANSLATED_CALLS = {"tr": (0,), "table": (0, 1), "Finding": (0,), "progress": (0,)}
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
NO_WORDS = {"", " ", "–"}
FROM_ELSEWHERE = {
    # typer's own
    "Install completion for the current shell.",
    "Show completion for the current shell, to copy it or customize the installation.",
    "Show this message and exit.",
    # why a store was not copied
    "The store changed while it was copied. Stop everything that uses it, then run the command again.",
    "Another copy into this database is running.",
    "This database is already in use. Copy into an empty one.",
    "A copy into this database was already finished. Copy into an empty one.",
    # the verdicts and checks of doctor, which are codes in JSON
    *STYLES,
    # the states of webhooks, likewise
    *(hooks.ACTIVE, hooks.ASIDE, hooks.ENDED),
}


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    command = command or get_command(app)
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from commands(each, (*path, name))


PATHS = [path for path, _ in commands()]


def paragraphs(text: str | None) -> list[str]:
    return [" ".join(each.split()) for each in (text or "").split("\n\n")]


def help_texts() -> set[str]:
    found: set[str] = set()
    for _, command in commands():
        found.update(paragraphs(command.help), paragraphs(command.epilog))
        for parameter in command.get_params(typer.Context(command)):
            found.update(paragraphs(parameter.help))
    return found - NO_WORDS


def assigned() -> dict[str, list[ast.expr]]:
    values: dict[str, list[ast.expr]] = {}
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, []).append(node.value)
    return values


VALUES = assigned()


def parts_of(node: ast.expr) -> list[ast.expr]:
    """The expressions of which one is what this expression comes to, or all of them are in it."""
    if isinstance(node, ast.Name):
        followed = node.id.isupper() or node.id in ("columns", "title", "text")
        return VALUES.get(node.id, []) if followed else []
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Tuple | ast.List):
        return node.elts
    if isinstance(node, ast.Dict):
        return node.values
    return [node.value] if isinstance(node, ast.Subscript) else []


def texts_of(node: ast.expr) -> set[str]:
    """Every text that an expression can come to, as far as it stands in the code."""
    if isinstance(node, ast.Constant):
        return {node.value} if isinstance(node.value, str) else set()
    return {text for each in parts_of(node) for text in texts_of(each)}


def said_texts() -> set[str]:
    found: set[str] = set()
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        for position in TRANSLATED_CALLS.get(node.func.id, ()):
            if position < len(node.args):
                found |= texts_of(node.args[position])
        if node.func.id == "fields":
            for pairs in VALUES["pairs"]:
                assert isinstance(pairs, ast.Tuple)
                found |= {
                    text
                    for pair in pairs.elts
                    if isinstance(pair, ast.Tuple)
                    for text in texts_of(pair.elts[0])
                }
    return found - NO_WORDS


def all_constants() -> set[str]:
    found: set[str] = set()
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
            found.update(paragraphs(node.value))
    return found


def test_everything_that_is_said_is_in_the_catalogue() -> None:
    said = said_texts()
    assert len(said) > 150  # the search finds what it is to find
    assert {"Kind", "is wrong"} & said == {"Kind"}
    missing = (said | help_texts() | set(STYLES)) - set(catalogue())
    assert sorted(missing) == []


def test_the_catalogue_has_nothing_that_nobody_says() -> None:
    unused = set(catalogue()) - all_constants() - FROM_ELSEWHERE - help_texts()
    assert sorted(unused) == []


def test_both_languages_have_the_same_placeholders() -> None:
    for english, chinese in catalogue().items():
        names = [
            {field for _, field, _, _ in string.Formatter().parse(text) if field}
            for text in (english, chinese)
        ]
        assert names[0] == names[1], english
        assert CHINESE.search(chinese), english


@pytest.mark.parametrize("path", PATHS, ids=lambda path: " ".join(path) or "lingpai")
def test_every_command_has_help_in_both_languages(cli: Cli, path: tuple[str, ...]) -> None:
    english = cli(*path, "--help", env={"LANG": "en_US.UTF-8", "COLUMNS": "200"})
    chinese = cli(*path, "--help", env={"LANG": "zh_CN.UTF-8", "COLUMNS": "200"})
    assert english.code == chinese.code == 0
    assert not CHINESE.search(english.stdout)
    assert "Options" in english.stdout
    assert "选项" in chinese.stdout
    command = dict(commands())[path]
    first = paragraphs(command.help)[0]
    assert first
    assert first.split(";")[0][:60] in " ".join(english.stdout.split())
    assert catalogue()[first][:10] in "".join(chinese.stdout.split("\n"))


@pytest.mark.parametrize(
    ("env", "chinese"),
    [
        ({}, False),
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_TW"}, True),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_MESSAGES": "zh_CN"}, True),
        ({"LC_ALL": "", "LANG": "zh_CN"}, True),
    ],
)
def test_the_locale_chooses_the_language(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], chinese: bool
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert speaks_chinese() is chinese
    assert bool(CHINESE.search(tr("No token was given."))) is chinese


def test_errors_speak_chinese_too(cli: Cli) -> None:
    refused = cli("account", "list", env={"LC_ALL": "zh_CN.UTF-8"})
    assert refused.code == 1
    assert "没有数据库" in refused.stderr
    assert CHINESE.search(cli("account", "lst", env={"LC_ALL": "zh_CN.UTF-8"}).stderr)


def test_every_refusal_that_needs_a_human_has_a_remedy() -> None:
    # Bugs of ours rather than an operator's matter: a wrong grant type, method, scheme, or a missing parameter.
    ours = {40002, 41002, 41004, 43002, 43003}
    for platform in (wechat(), wecom()):
        for code, fault in platform.faults.items():
            if fault.severity is Severity.PERMANENT and code not in ours:
                assert remedy(platform.name, code, "x"), (platform.name, code)


def test_every_remedy_is_in_both_languages() -> None:
    remedies = [text for each in platform_types().values() for text in each.remedies.values()]
    assert len(remedies) > 20
    for text in remedies:
        assert CHINESE.search(text.chinese)
        assert not CHINESE.search(text.english)
        assert text.english.count("{address}") == text.chinese.count("{address}")


def test_a_remedy_is_in_the_users_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert remedy("wechat", 40243, "x") == "密钥已被冻结。请在平台后台（基本配置）解冻。"
    monkeypatch.setenv("LC_ALL", "C")
    assert remedy("wechat", 40243, "x") == (
        "The secret is frozen. Unfreeze it in the platform's console (Basic configuration)."
    )


@pytest.mark.parametrize(
    ("message", "address"),
    [
        ("invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist rid: 65a1-2b", "203.0.113.9"),
        ("not allow to access from your ip, from ip: 198.51.100.4, more info at https://x", "198.51.100.4"),
        ("invalid ip 2001:db8::7, not in whitelist", "2001:db8::7"),
        ("not in whitelist", "of this machine"),
    ],
)
def test_the_address_is_taken_from_the_refusal(cli: Cli, message: str, address: str) -> None:
    assert address_in(message) == address


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (-1, "expired"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (7140, "1 h 59 min"),
     (7200, "2 h"), (90000, "1 d 1 h"), (86400, "1 d")],
)  # fmt: skip
def test_spans_are_short(cli: Cli, seconds: float | None, text: str) -> None:
    assert span(seconds) == text
