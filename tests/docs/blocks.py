"""What the documentation tells people to type, read from its Markdown.

A ```` ```console ```` block holds commands behind `$ `, each followed by what it prints, if shown: `…` stands
for anything. A command goes on over lines until the shell finds it complete. `console no-run` marks a block that needs
what a test has not: a terminal, a machine of its own.
"""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\S*)(?: ([^\n]*))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CELL = re.compile(r"(?<=\| )`((?:curl|[A-Z]+=\$\(curl) .*?)`(?: \||\s*[（(])")
_UNFINISHED = re.compile(r"unexpected (?:EOF|end of file)|delimited by end-of-file")


class Block(NamedTuple):
    """A fenced block: its language, the words after that, and its lines."""

    language: str
    marks: str
    lines: list[str]


class Command(NamedTuple):
    """What to type, and what it prints; `expected` is empty when the page does not tell."""

    text: str
    expected: str


def pages() -> list[Path]:
    """The pages with commands for people, but for the generated ones."""
    docs = ROOT / "docs"
    return [*sorted(ROOT.glob("README*.md")), *sorted(docs.glob("*.md")), *sorted(docs.glob("how-to/*.md"))]


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    return [
        Block(language, marks or "", inner.splitlines())
        for language, marks, inner in _FENCE.findall(page.read_text("utf-8"))
    ]


def commands(page: Path, *, runnable: bool = True) -> list[Command]:
    """The commands of a page in order: those of its blocks, or those of the blocks marked `no-run`."""
    wanted = "" if runnable else "no-run"
    found = [block for block in blocks(page) if block.language == "console" and block.marks == wanted]
    return [command for block in found for command in _commands_of(block.lines)]


def in_tables(page: Path) -> list[Command]:
    """The calls that stand in the cells of tables; those with `…` in them are patterns, not calls."""
    cells = _CELL.findall(page.read_text("utf-8"))
    return [Command(cell.replace("\\|", "|"), "") for cell in cells if "…" not in cell]


def _commands_of(lines: list[str]) -> list[Command]:
    found: list[tuple[list[str], list[str]]] = []
    for line in lines:
        if found and not found[-1][1] and not _complete("\n".join(found[-1][0])):
            found[-1][0].append(line)
        elif line.startswith("$ "):
            found.append(([line[2:]], []))
        else:
            assert found, f"{line!r} stands before any command"
            found[-1][1].append(line)
    return [Command("\n".join(text), "\n".join(expected)) for text, expected in found]


def _complete(text: str) -> bool:
    checked = subprocess.run(["bash", "-n", "-c", text], capture_output=True, text=True, check=False)
    return not _UNFINISHED.search(checked.stderr) and not text.endswith("\\")


def matches(expected: str, printed: str) -> bool:
    """Whether a command printed what its page tells; JSON for people may be laid out over several lines."""
    pattern = ".*".join(map(re.escape, expected.strip().split("…")))
    flat = re.sub(r"\s+", " ", printed.strip())
    return any(re.fullmatch(pattern, each, re.DOTALL) for each in (printed.strip(), flat))
