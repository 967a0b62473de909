"""The icon, the style sheets and the policies that all pages share."""

import base64
import hashlib
import re
import struct
from importlib.resources import files
from pathlib import Path

import pytest

from lingpai.core.content_security import content_policy
from lingpai.design.icons import PATHS, icon, icon_routes
from lingpai.design.sheets import policy, script, style
from lingpai.edge.app import create_app
from tests.edge.running_edge import FALLBACK, MAIN, ROUTES, running

SOURCES = Path(str(files("lingpai")))
TYPES = {"/favicon.ico": "image/x-icon", "/icon.svg": "image/svg+xml"}


@pytest.mark.parametrize("path", PATHS)
async def test_the_icon_is_there_and_cached(path: str) -> None:
    app = create_app((*ROUTES, *icon_routes(MAIN)), FALLBACK)
    async with running(app) as edge:
        answer = await edge.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, TYPES[path])
        assert "max-age=86400" in answer.headers["cache-control"]
        again = await edge.get(path, ("if-none-match", answer.headers["etag"]))
        assert (again.status, again.body) == (304, b"")
        changed = await edge.get(path, ("if-none-match", '"another"'))
        assert (changed.status, changed.body) == (200, answer.body)


def test_the_icon_for_old_browsers_has_two_sizes() -> None:
    content = icon("/favicon.ico").body
    reserved, kind, count = struct.unpack_from("<HHH", content)
    assert (reserved, kind, count) == (0, 1, 2)
    for index, size in enumerate((16, 32)):
        width, height, *_, length, offset = struct.unpack_from("<BBBBHHII", content, 6 + 16 * index)
        assert (width, height) == (size, size)
        assert content[offset : offset + 8] == b"\x89PNG\r\n\x1a\n"
        assert len(content) >= offset + length


def test_the_policy_permits_its_style_and_script_alone() -> None:
    rules = dict(rule.split(" ", 1) for rule in policy("a{}", "1;").split("; "))
    assert rules["default-src"] == "'none'"
    for name, text in (("style-src", b"a{}"), ("script-src", b"1;")):
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert rules["img-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["form-action"] == rules["base-uri"] == "'none'"
    assert "script-src" not in policy("a{}")


def test_policies_are_spelt_in_one_place() -> None:
    """Nothing is permitted unless a page names it, and a page can leave a rule out."""
    assert content_policy({}) == (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert content_policy({"form-action": "", "img-src": "'self'"}) == (
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; img-src 'self'"
    )
    spelt = {path.name for path in SOURCES.rglob("*.py") if "frame-ancestors" in path.read_text("utf-8")}
    assert spelt == {"content_security.py"}


def test_colours_stand_in_one_place() -> None:
    """Every other sheet and template uses the tokens, in both schemes."""
    sheets = sorted(SOURCES.rglob("*.css"))
    assert len(sheets) >= 5
    colour = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(")
    for sheet in sheets:
        assert sheet.parent == SOURCES / "design" / "styles"
        found = colour.findall(sheet.read_text("utf-8"))
        assert bool(found) == (sheet.name == "tokens.css"), (sheet, found)
    for page in SOURCES.rglob("*.j2"):
        assert "style=" not in page.read_text("utf-8"), page


def test_every_token_that_is_used_is_there_and_none_is_left_over() -> None:
    parts = [path.stem for path in (SOURCES / "design" / "styles").glob("*.css")]
    text = style(*(part for part in parts if part not in {"tokens", "elements"}))
    used = set(re.findall(r"var\((--[a-z0-9-]+)", text))
    declared = set(re.findall(r"(?<![\w(])(--[a-z0-9-]+):", text))
    assert used - {"--across"} <= declared
    assert declared <= used


def test_nothing_is_loaded_from_elsewhere() -> None:
    parts = [path.stem for path in (SOURCES / "design" / "styles").glob("*.css")]
    assert "url(" not in style(*parts)
    assert "@import" not in style(*parts)
    assert not re.search(r"https?:|fetch\(|import\(", script())
