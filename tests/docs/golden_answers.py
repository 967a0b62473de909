"""Every successful JSON answer of the golden files, as a pattern: what the service answers, byte for byte."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.issuer.dialects import golden
from tests.keeper import goldens

DIALECTS = Path(golden.__file__).parent
_ISSUER_HOLES = re.compile(r"\{(?P<known>[a-z_]+)\}|<(?P<fresh>[a-z_]+):(?P<regex>[^>]+)>")
_KEEPER_HOLES = re.compile(r"\$\{(?P<known>[a-z_]+)\}")
_ANYTHING = '[^"]*'


class Answered(NamedTuple):
    """An exchange: the request's method and path without query, and what the body of its answer looks like."""

    method: str
    path: str
    body: str
    pattern: re.Pattern[str]


def answers() -> Iterator[Answered]:
    """Yield each exchange of the golden files that ends with 200 or 201 and JSON."""
    for path in sorted(DIALECTS.glob("*/golden/*.http")):
        for step in golden.steps_of(path):
            if step.status in {200, 201} and step.answer.startswith("{"):
                target = step.path.partition("?")[0]
                yield Answered(step.method, target, step.answer, _pattern(step.answer, _ISSUER_HOLES))
    for path in sorted(goldens.FOLDER.glob("*.http")):
        for exchange in goldens.read_exchanges(path):
            method, target, *_ = exchange.sent[0].split(" ")
            status, body = exchange.expected[0].split(" ")[1], exchange.expected[-1]
            if status == "200" and body.startswith("{"):
                yield Answered(method, target.partition("?")[0], body, _pattern(body, _KEEPER_HOLES))


def _pattern(body: str, holes: re.Pattern[str]) -> re.Pattern[str]:
    text, at = "", 0
    for hole in holes.finditer(body):
        text += re.escape(body[at : hole.start()])
        groups = hole.groupdict()
        text += f"(?:{groups.get('regex') or goldens.PATTERNS.get(groups['known'] or '', _ANYTHING)})"
        at = hole.end()
    return re.compile(text + re.escape(body[at:]))


def compact(value: object) -> str:
    """Return JSON as the service writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
