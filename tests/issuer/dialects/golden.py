"""Golden wire files: requests as they are sent, and the bytes that answer them.

A file is steps between lines of `===`; a step is a request and its answer between a line of `---`. `{name}` stands for
a value that is known, `<name:regex>` for a fresh one, which is known from there on. Lines of `#` before a request are
comments; `# after 10 s` sends it ten seconds later. Every header that an answer names must be there; its body must be
just those bytes.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from lingpai.core.clock import VirtualClock

_KNOWN = re.compile(r"\{([a-z_]+)\}")
_FRESH = re.compile(r"<([a-z_]+):([^>]+)>")
_AFTER = re.compile(r"^# after (\d+) s$", re.MULTILINE)
_HOLES = re.compile(rf"{_KNOWN.pattern}|{_FRESH.pattern}")


class Step(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    status: int
    answer_headers: dict[str, str]
    answer: str
    after: int = 0
    """Seconds that pass before the request."""


def files_beside(test_file: str) -> list[Path]:
    """The golden files in the folder next to a test's own file."""
    return sorted((Path(test_file).parent / "golden").glob("*.http"))


def steps_of(path: Path) -> Iterator[Step]:
    for step in path.read_text("utf-8").split("\n===\n"):
        request, answer = step.strip("\n").split("\n---\n")
        head, _, body = request.partition("\n\n")
        lines = [line for line in head.splitlines() if not line.startswith("#")]
        method, target = lines[0].split(" ")
        answer_head, _, answer_body = answer.partition("\n\n")
        status, *answer_lines = answer_head.splitlines()
        yield Step(
            method,
            target,
            _headers(lines[1:]),
            body or None,
            int(status),
            _headers(answer_lines),
            answer_body,
            sum(map(int, _AFTER.findall(head))),
        )


async def replay(path: Path, realm: Any, known: dict[str, str], clock: VirtualClock | None = None) -> None:
    """Send each request of a file to a realm, and compare what answers it.

    Args:
        path: of the golden file.
        realm: with `send`, as each dialect's own `Realm` has it.
        known: values by the names that the file has for them.
        clock: goes on where a step says so; files of dialects without such steps need none.
    """
    for step in steps_of(path):
        assert clock is not None or not step.after
        if clock is not None:
            clock.advance(step.after)
        headers = {name: filled(value, known) for name, value in step.headers.items()}
        body = None if step.body is None else filled(step.body, known).encode()
        answer = await realm.send(step.method, filled(step.path, known), body, headers)
        match(step.answer, answer.body, known)
        assert answer.status == step.status, (step, answer.body)
        for name, value in step.answer_headers.items():
            match(value, answer.headers[name].encode(), known)
        assert answer.headers["trace-id"]
        assert "location" not in answer.headers or "location" in step.answer_headers


def filled(text: str, known: dict[str, str]) -> str:
    """A request's text with what is known in place."""
    return _KNOWN.sub(lambda hole: known[hole[1]], text)


def match(expected: str, body: bytes, known: dict[str, str]) -> None:
    """Compare byte for byte, and add what was fresh to what is known."""
    pattern, at, fresh = "", 0, set()
    for hole in _HOLES.finditer(expected):
        pattern += re.escape(expected[at : hole.start()])
        if hole[2]:
            fresh.add(hole[2])
            pattern += f"(?P<{hole[2]}>{hole[3]})"
        else:
            pattern += f"(?P={hole[1]})" if hole[1] in fresh else re.escape(known[hole[1]])
        at = hole.end()
    found = re.fullmatch((pattern + re.escape(expected[at:])).encode(), body)
    assert found, f"expected {expected}\nbut got  {body.decode()}"
    known |= {name: value.decode() for name, value in found.groupdict().items()}


def _headers(lines: list[str]) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in lines)
