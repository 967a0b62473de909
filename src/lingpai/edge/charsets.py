"""The text of a body: UTF-8, or any superset of ASCII whose bytes are ASCII."""

import codecs
import functools
from typing import Final

from lingpai.core.errors import Kind, LingpaiError

_MARK: Final = "\ufeff"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_ASCII: Final = bytes(range(128))
_UTF_8: Final = frozenset({"utf-8", "utf8"})


def text_of(body: bytes) -> str:
    """A body as text, without its byte order mark.

    Raises:
        LingpaiError: MALFORMED_BODY when it is not UTF-8; says what it seems to be.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise LingpaiError(Kind.MALFORMED_BODY, _not_utf_8(body)) from None
    return text[1:] if text.startswith(_MARK) else text


def _not_utf_8(body: bytes) -> str:
    if body.startswith(_UTF_16):
        return "the body is UTF-16; send UTF-8."
    try:
        body.decode("gb18030")
    except UnicodeDecodeError:
        return "the body is not valid UTF-8."
    return "the body is not valid UTF-8; it may be GBK: send UTF-8."


def is_utf_8(charset: str) -> bool:
    """Return whether a `charset` parameter names UTF-8."""
    return charset.strip("'\" ").lower() in _UTF_8


@functools.lru_cache(maxsize=64)
def _extends_ascii(charset: str) -> bool:
    try:
        return _ASCII.decode(charset) == _ASCII.decode("ascii")
    except (LookupError, ValueError):
        return False


def demand_readable(body: bytes, charset: str) -> None:
    """Refuse a body whose label names another charset than UTF-8, unless its bytes mean the same in both.

    Raises:
        LingpaiError: UNSUPPORTED_MEDIA_TYPE; says what to send.
    """
    name = charset.strip("'\" ")[:32]
    shown = name if name.isascii() and name.isprintable() else "unknown"
    if not _extends_ascii(name):
        raise LingpaiError(
            Kind.UNSUPPORTED_MEDIA_TYPE,
            f"the body says that its charset is {shown}; send UTF-8 (charset=utf-8).",
        )
    if not body.removeprefix(codecs.BOM_UTF8).isascii():
        raise LingpaiError(
            Kind.UNSUPPORTED_MEDIA_TYPE,
            f"the body says that its charset is {shown} and is not ASCII; send UTF-8 (charset=utf-8).",
        )
