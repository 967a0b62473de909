"""The one place that writes replies (attacks.md D43, B21)."""

import math
import re

from falcon.asgi import Response

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import NO_STORE, Reply, Shape

TRACE_HEADER = "trace-id"
_NOSNIFF = ("x-content-type-options", "nosniff")
_DEFAULT_HEADERS = (NO_STORE,)
_UNSAFE_VALUE = re.compile(r"[^\t\x20-\x7e]")
_HTML_HEADERS = (
    (
        "content-security-policy",
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
)
LAST_RESORT = Reply(b"internal error\n", 500, "text/plain; charset=utf-8")


def error_reply(shape: Shape, error: LingpaiError, trace_id: str) -> Reply:
    """What `shape` makes of `error`, with the headers that HTTP itself wants for it."""
    reply = shape.error(error, trace_id)
    extra = []
    if error.retry_after is not None:
        extra.append(("retry-after", str(max(1, math.ceil(error.retry_after)))))
    if error.kind is Kind.METHOD_NOT_ALLOWED and error.allow:
        extra.append(("allow", ", ".join(error.allow)))
    if error.kind is Kind.REQUEST_TIMEOUT:
        extra.append(("connection", "close"))
    if not extra:
        return reply
    given = {name for name, _ in reply.headers}
    added = tuple(header for header in extra if header[0] not in given)
    return Reply(reply.body, reply.status, reply.content_type, reply.headers + added)


def check(reply: Reply) -> None:
    """Refuse what would break the head of the answer.

    Raises:
        ValueError: a header holds a control character or is not ASCII.
    """
    for name, value in reply.headers:
        if _UNSAFE_VALUE.search(value):
            raise ValueError(f"header {name} holds characters that HTTP does not allow")


def write(resp: Response, reply: Reply, trace_id: str) -> None:
    """Put `reply` on the wire: body, status, media type, its headers and those that every answer has.

    Raises:
        ValueError: see `check`; nothing has been written then.
    """
    headers = reply.headers
    if headers is not _DEFAULT_HEADERS and headers != _DEFAULT_HEADERS:
        check(reply)
    resp.status = reply.status
    resp.data = reply.body
    resp.content_type = reply.content_type
    set_header = resp.set_header
    set_header(TRACE_HEADER, trace_id)
    set_header(*_NOSNIFF)
    if reply.content_type.startswith("text/html"):
        for name, value in _HTML_HEADERS:
            set_header(name, value)
    for name, value in headers:
        if name == "set-cookie":
            resp.append_header(name, value)
        else:
            set_header(name, value)
