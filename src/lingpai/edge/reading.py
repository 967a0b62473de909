"""The one place that reads requests: from declared places to the parameters that a verb gets."""

from collections.abc import Callable, Mapping
from typing import Any, get_origin

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Source
from lingpai.edge import bodies
from lingpai.edge.charsets import demand_readable, is_utf_8, text_of
from lingpai.edge.conversion import Conversion, fields_of
from lingpai.edge.options import EdgeOptions
from lingpai.edge.urlencoded import (
    REPLACEMENT,
    blank,
    check,
    declared_pairs,
    invalid,
    listed_values,
    merge,
    names_in,
    refuse_lists,
)

FORMS = Source.FORM | Source.URLENCODED | Source.MISLABELLED
BODIES = FORMS | Source.JSON | Source.UNLABELLED | Source.DOCUMENT
_FORM_TYPE = "application/x-www-form-urlencoded"
_MULTIPART_TYPE = "multipart/form-data"
_JSON_TYPE = "application/json"
_PATCH_TYPE = "application/merge-patch+json"
DOCUMENT = "document"
"""The parameter that a whole JSON object is."""
_BEFORE_JSON = frozenset({b"{", b"[", b" ", b"\t", b"\r", b"\n", b"\xef"})

BodyParser = Callable[[dict[str, str], bytes, str], Any]


def _is_list(kind: Any) -> bool:
    """True when a parameter of this type may be repeated."""
    return get_origin(kind) is tuple


class Reader:
    """Reads the parameters of one route. Prepared once, used for each request.

    Args:
        params: the struct that declares them.
        sources: where they may come from.
        options: the limits.
    """

    def __init__(self, params: type[msgspec.Struct], sources: Source, options: EdgeOptions) -> None:
        fields = fields_of(params)
        self._params = params
        self._lists = frozenset(field.encode_name for field in fields if _is_list(field.type))
        self._names = frozenset(field.encode_name for field in fields) - self._lists
        # curl, PHP and Java call JSON a form, or nothing, unless they are given a type.
        takes_json = bool(sources & (Source.JSON | Source.UNLABELLED))
        self._from_labelled_form: BodyParser = self._from_either if takes_json else self._from_pairs
        self._parsers = self._parsers_of(sources)
        self._takes_forms = bool(sources & FORMS)
        self._parse_any: BodyParser | None = self._from_unlabelled if sources & Source.UNLABELLED else None
        self._query_names = self._names if sources & Source.QUERY else frozenset()
        self._query_lists = self._lists if sources & Source.QUERY else frozenset()
        self._one_place = bool(sources & Source.ONE_PLACE)
        self._no_lists = bool(sources & Source.NO_LISTS)
        self._options = options
        self._pair_limit = options.parameter_limit
        self._value_limit = options.value_limit
        convert = Conversion(params, self._names, options.value_limit, one_place=self._one_place)
        self._strings, self._objects, self._fault = convert.from_texts, convert.from_objects, convert.fault
        self.takes_body = bool(sources & BODIES)

    def read_head(self, query: bytes, path: Mapping[str, str]) -> Any:
        """The struct, from path and query alone; never touches the body.

        Args:
            query: the raw query string.
            path: the path's fields, decoded.

        Raises:
            LingpaiError: MISSING_, INVALID_ or REPEATED_PARAMETER.
        """
        return self._strings(self._head(query, path))

    def reader_after(
        self, query: bytes, path: Mapping[str, str], headers: bodies.Headers
    ) -> Callable[[bytes], Any]:
        """Return a function from a body to the struct, from all declared places; good for many bodies.

        Args:
            query: the raw query string.
            path: the path's fields, decoded.
            headers: lower-case names to values.

        Raises:
            LingpaiError: no body is of use after such a head: MISSING_, INVALID_ or REPEATED_PARAMETER,
                UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE. The function raises any of the request's own kinds.
        """
        if not (self.takes_body and bodies.has_body(headers)):
            return lambda _body: self.read_head(query, path)
        return self._begin(query, path, headers)

    def _begin(
        self, query: bytes, path: Mapping[str, str], headers: bodies.Headers
    ) -> Callable[[bytes], Any]:
        """Return what reads the body. The media type and the head come first: no useless body is waited for."""
        kind, parameters = bodies.media_type(headers.get(b"content-type", b""))
        boundary, charset = parameters.get("boundary"), parameters.get("charset", "utf-8")
        parse = (
            self._parsers.get((kind, None))
            or self._parsers.get((kind, boundary is not None))
            or self._parse_any
        )
        if parse is None:
            raise bodies.unsupported("a body of this media type is not taken here")
        values = self._head(query, path)
        bodies.demand_acceptable(headers, self._options)
        if is_utf_8(charset):
            if not values and parse is self._from_labelled_form:
                return self._read_form
            return lambda body: parse(values, body, boundary or "")

        def read(body: bytes) -> Any:
            demand_readable(body, charset)
            return parse(values, body, boundary or "")

        return read

    def _parsers_of(self, sources: Source) -> dict[tuple[str, bool | None], BodyParser]:
        """By media type, and whether it must name a boundary or must not (None for no matter)."""
        pairs = self._from_labelled_form
        takes = (
            (_JSON_TYPE, None, Source.JSON, self._from_json),
            (_JSON_TYPE, None, Source.DOCUMENT, self._from_document),
            (_PATCH_TYPE, None, Source.DOCUMENT, self._from_document),
            ("", None, Source.JSON, self._from_nameless),
            (_FORM_TYPE, None, FORMS | Source.UNLABELLED, pairs),
            (_MULTIPART_TYPE, True, Source.FORM, self._from_multipart),
            (_MULTIPART_TYPE, False, Source.MISLABELLED, pairs),
        )
        return {(kind, boundary): parse for kind, boundary, needed, parse in takes if sources & needed}

    def _from_json(self, values: dict[str, str], body: bytes, _boundary: str) -> Any:
        found = bodies.json_object(body, self._pair_limit)
        if self._no_lists:
            refuse_lists(found, self._names)
        return self._objects(dict(values), found)

    def _from_document(self, values: dict[str, str], body: bytes, _boundary: str) -> Any:
        given: dict[str, Any] = {**values, DOCUMENT: bodies.json_object(body, self._pair_limit)}
        return self._strings(given)

    def _from_nameless(self, values: dict[str, str], body: bytes, boundary: str) -> Any:
        """A body without a media type."""
        if self._parse_any is not None:
            return self._parse_any(values, body, boundary)
        if not bodies.looks_like_json(body):
            raise bodies.unsupported("a body of this media type is not taken here")
        return self._from_json(values, body, boundary)

    def _from_either(self, values: dict[str, str], body: bytes, boundary: str) -> Any:
        # Most forms begin with a letter, and need no closer look.
        is_json = body[:1] in _BEFORE_JSON and bodies.looks_like_json(body)
        return (self._from_json if is_json else self._from_pairs)(values, body, boundary)

    def _from_unlabelled(self, values: dict[str, str], body: bytes, boundary: str) -> Any:
        """A body of a media type that no route takes: what it begins with says what it is."""
        if not body.strip():
            return self._strings(values)
        if self._takes_forms and not bodies.looks_like_json(body) and b"=" in body:
            return self._from_pairs(values, body, boundary)
        if not bodies.looks_like_json(body):
            raise bodies.unsupported("a body of this media type is not taken here")
        return self._from_json(values, body, boundary)

    def _from_pairs(self, values: dict[str, str], body: bytes, _boundary: str) -> Any:
        found = self._declared(text_of(body), self._names, self._lists)
        return self._strings(merge(values, found, one_place=self._one_place))

    def _read_form(self, body: bytes) -> Any:
        """Read a form that is all there is of the request: a plain one here, any other by the general way.

        Plain: ASCII, nothing encoded, no brackets, each declared name once and with a value. Most forms are.
        """
        if (
            b"%" not in body
            and b"+" not in body
            and b"\0" not in body
            and b"[" not in body
            and len(body) <= self._value_limit
            and body.isascii()
            and body[:1] not in _BEFORE_JSON
        ):
            names, lists, found = self._names, self._lists, dict[str, str]()
            pairs = body.decode("ascii").split("&")
            plain = len(pairs) <= self._pair_limit
            for pair in pairs:
                name, _, value = pair.partition("=")
                if name in names:
                    plain = plain and name not in found and bool(value) and not value.isspace()
                    found[name] = value
                elif name in lists:
                    plain = False
            if plain:
                try:
                    return msgspec.convert(found, self._params, strict=False)
                except msgspec.ValidationError as fault:
                    raise self._fault(found, {}, fault) from None
        return self._from_labelled_form({}, body, "")

    def _from_multipart(self, values: dict[str, str], body: bytes, boundary: str) -> Any:
        found = bodies.multipart_pairs(body, boundary, self._names, self._pair_limit, no_lists=self._no_lists)
        return self._strings(merge(values, self._checked(found), one_place=self._one_place))

    def _declared(self, text: str, names: frozenset[str], lists: frozenset[str]) -> dict[str, Any]:
        found: dict[str, Any] = declared_pairs(text, names, self._pair_limit, self._value_limit)
        if self._no_lists:
            refuse_lists(names_in(text), names)
        if lists:
            found |= listed_values(text, lists, self._value_limit)
        return found

    def _checked(self, found: Mapping[str, str]) -> dict[str, str]:
        for name, value in found.items():
            check(name, value, self._value_limit)
        return {name: value for name, value in found.items() if not blank(value)}

    def _head(self, query: bytes, path: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if query and (self._query_names or self._query_lists):
            try:
                text = query.decode()
            except UnicodeDecodeError:
                raise LingpaiError(Kind.INVALID_PARAMETER, "the query is not valid UTF-8") from None
            found = self._declared(text, self._query_names, self._query_lists)
        if not path:
            return found
        for name, value in path.items():
            if REPLACEMENT in value:  # what the server makes of bytes that are no UTF-8
                raise invalid(name, "is not valid UTF-8")
        return merge(self._checked(path), found)
