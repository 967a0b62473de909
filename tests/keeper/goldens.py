"""Golden wire files: what is sent (`> `), and the exact bytes that come back (`< `).

A line `# …` begins an exchange and names it; lines `@ …` before the request set the harness (see `DIRECTIVES` in the
test). `${name}` in a request is filled in from what is known; in an answer it stands for what is known, or else
for whatever `PATTERNS` allows, the same each time within one answer.
"""

import asyncio
import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"

PATTERNS = {
    "phrase": r"[A-Z][A-Za-z ]+",  # which words a status has differs by version of Python
    "date": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
    "trace_id": r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
    "length": r"\d+",
    "access_token": r"[\w-]{100,512}",
    "user_token": r"[\w-]{80,512}",
    "seconds": r"[1-9]\d{0,5}",
    "hint": r"\d{19}",
    "refresh_token": r"[\w-]{40,512}",
    "ticket": r"[\w-]{60,512}",
    "openid": r"[\w-]{28}",
    "unionid": r"[\w-]{28}",
    "session_key": r"[\w+/]{22}==",
    "noncestr": r"[0-9a-f]{16}",
    "signature": r"[0-9a-f]{40}",
    "version": r"\d+\.\d+\.\d+\w*",
    "row": r"\d+",
    "rid": r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}",
}
_PLACEHOLDER = re.compile(r"\$\{([a-z_]+)\}")


@dataclasses.dataclass
class Exchange:
    name: str
    directives: list[str] = dataclasses.field(default_factory=list)
    sent: list[str] = dataclasses.field(default_factory=list)
    expected: list[str] = dataclasses.field(default_factory=list)


def read_exchanges(path: Path) -> Iterator[Exchange]:
    """The exchanges of a golden file, in order."""
    exchange: Exchange | None = None
    for line in path.read_text("utf-8").splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "#":
            if exchange is not None:
                yield exchange
            exchange = Exchange(rest)
        elif mark:
            assert exchange is not None, f"{path}: no exchange has begun"
            places = {"@": exchange.directives, ">": exchange.sent, "<": exchange.expected}
            places[mark].append(rest)
    assert exchange is not None, f"{path} is empty"
    yield exchange


def fill(text: str, known: Mapping[str, str]) -> str:
    """The text with every placeholder filled in."""
    return _PLACEHOLDER.sub(lambda match: known[match[1]], text)


def request_of(lines: list[str], known: Mapping[str, str]) -> bytes:
    """The bytes to send; `${length}` is the body's."""
    end = lines.index("")
    body = fill("\n".join(lines[end + 1 :]), known).encode()
    head = [fill(line, {**known, "length": str(len(body))}) for line in lines[:end]]
    return "\r\n".join([*head, "connection: close", "", ""]).encode() + body


def text_of(answer: bytes) -> str:
    """An answer as golden files show it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode().replace("\r\n", "\n") + "\n\n" + body.decode()


def pattern_of(lines: list[str], known: Mapping[str, str]) -> str:
    """A regular expression for the whole answer."""
    seen: set[str] = set()

    def part(match: re.Match[str]) -> str:
        name = match[1]
        if name in known:
            return re.escape(known[name])
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{PATTERNS[name]})"

    text = "\n".join(lines)
    pieces = _PLACEHOLDER.split(text)
    literal = pieces[::2]
    names = [part(match) for match in _PLACEHOLDER.finditer(text)]
    return "".join(re.escape(piece) + name for piece, name in zip(literal, [*names, ""], strict=True))


async def ask(port: int, request: bytes) -> bytes:
    """All that the server answers, over a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer
