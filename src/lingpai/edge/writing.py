"""The one place that writes answers: status, headers and body as they go on the wire."""

import functools
import math
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

import msgspec

from lingpai.core.content_security import content_policy
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import JSON, NO_STORE, Reply, Shape, StreamedReply

RawHeader = tuple[bytes, bytes]

NO_CONTENT = 204
_BODILESS = frozenset({NO_CONTENT, 304})  # RFC 9110 §6.4.1
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_NOSNIFF: RawHeader = (b"x-content-type-options", b"nosniff")
_HTML_HEADERS = (
    ("content-security-policy", content_policy({})),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
)
CLOSE = ("connection", "close")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_RESORT = Reply(b"internal error\n", 500, "text/plain; charset=utf-8")


def with_headers(reply: Reply, extra: tuple[tuple[str, str], ...]) -> Reply:
    """`reply` with those of `extra` that it does not have already."""
    given = {name for name, _ in reply.headers}
    added = tuple(header for header in extra if header[0] not in given)
    return msgspec.structs.replace(reply, headers=reply.headers + added)


def error_reply(shape: Shape, error: LingpaiError, trace_id: str) -> Reply:
    """Return the reply that `shape` makes of `error`, with the headers that HTTP itself wants for it."""
    reply = shape.error(error, trace_id)
    extra = []
    if error.retry_after is not None:
        extra.append(("retry-after", str(max(1, math.ceil(error.retry_after)))))
    if error.kind is Kind.METHOD_NOT_ALLOWED and error.allow:
        extra.append(("allow", ", ".join(error.allow)))
    if error.kind is Kind.REQUEST_TIMEOUT:
        extra.append(CLOSE)
    return with_headers(reply, tuple(extra)) if extra else reply


def _raw(name: str, value: str) -> RawHeader:
    if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
        raise ValueError(f"header {name!r} is not what HTTP allows")
    return name.encode(), value.encode()


class Fixed:
    """The headers of a reply that do not depend on its body, checked.

    Args:
        reply: whose they are.

    Attributes:
        headers: names and values.
        lines: the same as they go on the wire.
        closes: whether they end the connection.

    Raises:
        ValueError: a header contains what would break the head.
    """

    __slots__ = ("closes", "headers", "lines")

    def __init__(self, reply: Reply) -> None:
        own = (_raw(*header) for header in reply.headers)
        kind = (_raw("content-type", reply.content_type),) if reply.content_type else ()
        self.headers = (*kind, _NOSNIFF, *own)
        self.lines = b"".join(b"%b: %b\r\n" % header for header in self.headers)
        self.closes = any(name == b"connection" for name, _ in self.headers)


USUAL_HEADERS = (NO_STORE,)
USUAL = Fixed(Reply(b"", headers=USUAL_HEADERS))
"""The headers of nearly every reply: JSON that is not to be stored."""


def fixed_of(reply: Reply) -> Fixed:
    """Return the headers of a reply: its own, and those that every answer of its kind has.

    Raises:
        ValueError: a header contains what would break the head.
    """
    if reply.headers == USUAL_HEADERS and reply.content_type == JSON:
        return USUAL
    if reply.content_type.startswith("text/html"):
        reply = with_headers(reply, _HTML_HEADERS)
    if reply.headers == USUAL_HEADERS:
        return _usual(reply.content_type)
    return Fixed(reply)


@functools.lru_cache(maxsize=64)
def _usual(content_type: str) -> Fixed:
    """Return the headers of a reply that has no headers of its own but the usual."""
    return Fixed(Reply(b"", content_type=content_type, headers=USUAL_HEADERS))


class FirstLines:
    """Status line and the server's own headers, which change once a second.

    Attributes:
        headers: the server's own.
        by_status: the first lines of answers; missing ones are made by `add`.
    """

    def __init__(self) -> None:
        self.headers: Sequence[RawHeader] = ()
        self.by_status: dict[int, bytes] = {}

    def change(self, headers: Sequence[RawHeader]) -> None:
        """Take other headers of the server."""
        self.headers = headers
        self.by_status = {}

    def add(self, status: int) -> bytes:
        """Make and return the first lines of an answer."""
        own = (b"%b: %b\r\n" % header for header in self.headers)
        lines = self.by_status[status] = status_line(status) + b"".join(own)
        return lines


def status_line(status: int) -> bytes:
    """The first line of an answer (RFC 9112 §4)."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


class Written(Protocol):
    """The parts of an answer that are written; see `endpoint.Answer`."""

    reply: Reply
    fixed: Fixed
    trace_id: str


def message_of(first: bytes, answer: Written, *, close: bool, bodiless: bool = False) -> bytes:
    """Return an answer as it goes on the wire.

    Args:
        first: its first lines, see `FirstLines`.
        answer: what to say.
        close: whether to say that the connection ends.
        bodiless: whether to leave the body out, but not its length: an answer to `HEAD` (RFC 9110 §9.3.2).
    """
    reply, fixed = answer.reply, answer.fixed
    body = reply.body
    lines, length = fixed.lines, b"\r\ncontent-length: %d\r\n" % len(body)
    if reply.status in _BODILESS:
        lines = b"".join(b"%b: %b\r\n" % each for each in fixed.headers if each[0] != b"content-type")
        length, body = b"\r\n", b""
    elif bodiless:
        body = b""
    end = b"connection: close\r\n\r\n" if close and not fixed.closes else b"\r\n"
    return b"%b%btrace-id: %b%b%b%b" % (first, lines, answer.trace_id.encode(), length, end, body)


def head_of(
    first: bytes, answer: Written, *, close: bool, length: int | None, chunked: bool
) -> tuple[bytes, bool]:
    """Return the head of an answer whose body is sent piece by piece, and whether it may have a body.

    Args:
        first: its first lines, see `FirstLines`.
        answer: what to say; its reply is a `StreamedReply`.
        close: whether to say that the connection ends.
        length: bytes of the body, or None.
        chunked: whether the body goes out in chunks (RFC 9112 §7.1).
    """
    reply, lines = answer.reply, answer.fixed.headers
    has_body = reply.status not in _BODILESS
    if not has_body:
        lines = tuple(each for each in lines if each[0] != b"content-type")
    own = [
        *lines,
        *(reply.raw if isinstance(reply, StreamedReply) else ()),
        (b"trace-id", answer.trace_id.encode()),
    ]
    if has_body and length is not None:
        own.append((b"content-length", b"%d" % length))
    elif has_body and chunked:
        own.append((b"transfer-encoding", b"chunked"))
    if close and not answer.fixed.closes:
        own.append((b"connection", b"close"))
    return b"%b%b\r\n" % (first, b"".join(b"%b: %b\r\n" % each for each in own)), has_body


def refusal_of(status: HTTPStatus) -> bytes:
    """A whole answer to what is no HTTP request: no route and so no shape is known. The connection ends with it."""
    text = f"{status.phrase}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + text
