"""Request bodies: received within limits, then taken apart by their media type."""

import codecs
import functools
import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from lingpai.core.errors import Kind, LingpaiError
from lingpai.edge.charsets import text_of
from lingpai.edge.options import EdgeOptions
from lingpai.edge.urlencoded import refuse_lists, repeated

Headers = Mapping[bytes, bytes]
CHUNKED = b"chunked"


def too_large(limit: int) -> LingpaiError:
    """The error for a body of more than `limit` bytes."""
    return LingpaiError(Kind.BODY_TOO_LARGE, f"the body is larger than {limit} bytes")


def malformed(why: str) -> LingpaiError:
    """The error for a body that is not what its media type says."""
    return LingpaiError(Kind.MALFORMED_BODY, why)


def unsupported(why: str) -> LingpaiError:
    """The error for a body of a kind that the route does not take."""
    return LingpaiError(Kind.UNSUPPORTED_MEDIA_TYPE, why)


def has_body(headers: Headers) -> bool:
    """Return whether the head announces a body that is not empty."""
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


def demand_acceptable(headers: Headers, options: EdgeOptions) -> None:
    """Refuse a body by what the head says of it, before a byte of it is read.

    Raises:
        LingpaiError: BODY_TOO_LARGE, or UNSUPPORTED_MEDIA_TYPE for a content or transfer coding that we do not undo.
    """
    if headers.get(b"transfer-encoding", CHUNKED).lower() != CHUNKED:
        raise unsupported("only the chunked transfer coding is taken")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise unsupported("compressed bodies are not taken")
    length = headers.get(b"content-length")
    if length is not None and int(length) > options.body_limit:
        raise too_large(options.body_limit)


@functools.lru_cache(maxsize=64)
def media_type(content_type: bytes) -> tuple[str, dict[str, str]]:
    """A `Content-Type` header as lower-case type and parameters."""
    name, parameters = parse_options_header(content_type.decode("latin-1"))
    return name, parameters


def looks_like_json(body: bytes) -> bool:
    """Return whether a body begins as a JSON object or array; a byte order mark may come first."""
    return body.removeprefix(codecs.BOM_UTF8).lstrip().startswith((b"{", b"["))


def multipart_pairs(
    body: bytes, boundary: str, names: frozenset[str], pair_limit: int, *, no_lists: bool = False
) -> dict[str, str]:
    """The declared fields of a multipart form without files (RFC 7578); with `no_lists`, no `a[]` of a declared `a`.

    Raises:
        LingpaiError: MALFORMED_BODY for a broken form, a file, or too many parts; REPEATED_PARAMETER.
    """
    found: dict[str, str] = {}
    name, data = "", b""
    try:
        with PushMultipartParser(boundary, max_segment_count=pair_limit) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    if event.filename is not None:
                        raise malformed("files are not taken")
                    name, data = event.name, b""
                    if no_lists:
                        refuse_lists((name,), names)
                elif event is not None:
                    data += event
                elif name in names:
                    if name in found:
                        raise repeated(name)
                    found[name] = text_of(data)
    except MultipartError:
        raise malformed("the multipart body is malformed") from None
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise repeated(Counter(name for name, _ in pairs).most_common(1)[0][0])
    return found


# Not msgspec: it keeps the last of repeated keys, and RFC 8259 §4 leaves that open to confusion.
_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)


def json_object(body: bytes, key_limit: int) -> dict[str, Any]:
    """A JSON body, which must be one object without repeated keys, NUL or unpaired surrogates.

    Raises:
        LingpaiError: MALFORMED_BODY; REPEATED_PARAMETER for a key given twice at any depth.
    """
    try:
        value = _JSON.decode(text_of(body))
        if b"\\u" in body and "\0" in _all_text(value):
            raise malformed("the body contains a NUL")
    except (ValueError, RecursionError):
        raise malformed("the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise malformed("the body must be a JSON object")
    if len(value) > key_limit:
        raise malformed("the body has too many keys")
    return value


def _all_text(value: Any) -> str:
    if isinstance(value, str):
        value.encode()  # refuses unpaired surrogates, with a ValueError
        return value
    if isinstance(value, dict):
        return "".join(map(_all_text, (*value, *value.values())))
    return "".join(map(_all_text, value)) if isinstance(value, list) else ""
