"""Reasons of errors in the Chinese command line: none is missing, and what they tell besides stays."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lingpai
from lingpai.core.languages import reasons
from lingpai.issuer.dialects.registry import DIALECTS
from lingpai.keeper.platforms.registry import PLATFORMS
from lingpai.messages.translating import catalogue, tr_reason

HOME = Path(lingpai.__file__).parent
WINGS = ("core", "store", "keeper", "issuer", "edge", "operating", "console")
FIXED = ("dialects", "pages", "dropin.py", "sections")
"""Vendors' protocols, whose messages are theirs, and pages and sections, which have words of their own."""
ERRORS = {
    "LingpaiError": 1,
    "Flaw": 1,
    "FetchFailed": 2,
    "Unreachable": 0,
    "FetchError": 0,
    "AnswerError": 0,
    "KeyRingError": 0,
    "BackupError": 0,
    "PluginError": 0,
    "SealError": 0,
    "UnknownHashError": 0,
    "_invalid": 0,
    "malformed": 0,
    "unsupported": 0,
}
"""Where each error has its reason, by position."""
FIELD = re.compile(r"\{[^}]*\}")
UNASKED = {
    "no {}",
    "invalid grant_type",
    "{} missing",
    "parameter {} {}",
    "the platform no longer accepts this access_token; fetch another one",
    "access_token was not issued through this service, or it has expired",
    "type must be {}",
}
"""What stands in for a platform's own words, what only drop-in routes say, and the form of others."""
NAMES = ("reason", "message", "said", "text")
"""Variables that hold reasons."""
WHOLE = ("charsets.py", "status.py", "remedies.py", "unreached.py")
"""Modules whose every returned or assigned text is one."""


def template(node: ast.expr) -> Iterator[str]:
    """What an expression says, with {} for what is put in; nothing for what is known at run time only."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)


def choices(node: ast.expr) -> Iterator[str]:
    """What an expression says, and both of two."""
    for each in (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,):
        yield from template(each)


def said() -> Iterator[str]:
    files = [HOME / "service.py", *(path for wing in WINGS for path in (HOME / wing).rglob("*.py"))]
    for path in files:
        if set(path.parts) & set(FIXED):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = getattr(node, "func", None)
            name = getattr(called, "id", "") or (
                "unsupported" if getattr(called, "attr", "") == "unsupported" else ""
            )
            if isinstance(node, ast.Call) and name in ERRORS:
                yield from (text for each in node.args[ERRORS[name] :][:1] for text in template(each))
            elif isinstance(node, ast.Call) and name == "invalid":
                yield from (f"parameter {{}} {text}" for text in choices(node.args[1]))
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in NAMES:
                yield from template(node.value)
            elif (
                isinstance(node, ast.Assign | ast.AnnAssign | ast.Return)
                and path.name in WHOLE
                and node.value
            ):
                yield from (text for text in choices(node.value) if text.count(" ") > 1)


def said_of_settings() -> Iterator[str]:
    """Every text of the modules that read settings and text or call platforms, whose problems are translated whole."""
    folders = (HOME / "settings", HOME / "http_client")
    files = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    for path in (*files, HOME / "core" / "text.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.expr):
                yield from template(node)
    yield "x: this is x."  # of TextError itself


def test_every_reason_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    found = set(said()) - UNASKED - {""}
    assert len(found) > 80  # the search finds what it is to find
    assert sorted(each for each in found if tr_reason(each) == each) == []


def test_every_line_is_said_somewhere() -> None:
    found = {*said(), *said_of_settings(), PLATFORMS.noun, DIALECTS.noun}
    patterns = {each: FIELD.sub(".+", re.sub(r"[.()`|?*+]", r"\\\g<0>", each)) for each in reasons()}
    unused = [
        each for each, pattern in patterns.items() if not any(re.fullmatch(pattern, one) for one in found)
    ]
    assert unused == []


def test_both_languages_say_the_same_besides() -> None:
    for english, chinese in reasons().items():
        assert set(FIELD.findall(chinese)) <= set(FIELD.findall(english)), english
        assert not english.isascii() or not chinese.isascii(), english
    assert not set(reasons()) & set(catalogue())


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("There is no such app.", "应用不存在。"),
        (
            "There is no key 7; `lingpai key list` shows the ring.",
            "没有加密密钥 7；`lingpai key list` 可查看密钥环。",
        ),
        (
            "The call to the upstream platform failed: no answer within 8 s.",
            "调用上游平台失败：8 秒内没有响应。",
        ),
        ("invalid credential, access_token is invalid", "invalid credential, access_token is invalid"),
    ],
)
def test_what_a_reason_contains_is_kept(monkeypatch: pytest.MonkeyPatch, english: str, chinese: str) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert tr_reason(english) == chinese
    monkeypatch.setenv("LC_ALL", "C")
    assert tr_reason(english) == english
