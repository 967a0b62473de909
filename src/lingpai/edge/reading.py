"""The one place that reads requests: from declared places to the parameters that a verb gets."""

from collections.abc import Mapping
from typing import Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Source
from lingpai.edge import bodies
from lingpai.edge.options import EdgeOptions
from lingpai.edge.pairs import REPLACEMENT, declared_pairs, invalid, merge, repeated

FORMS = Source.FORM | Source.URLENCODED | Source.MISLABELLED
BODIES = FORMS | Source.JSON
_FORM_TYPE = "application/x-www-form-urlencoded"
_MULTIPART_TYPE = "multipart/form-data"
_JSON_TYPE = "application/json"


def _missing(name: str) -> LingpaiError:
    return LingpaiError(Kind.MISSING_PARAMETER, f"parameter {name} is missing", parameter=name)


class Reader:
    """Reads the parameters of one route (attacks.md A7, A8, D35, D36, D45). Prepared once, used for each request.

    Args:
        params: the struct that declares them.
        sources: where they may come from.
        options: the limits.
    """

    def __init__(self, params: type[msgspec.Struct], sources: Source, options: EdgeOptions) -> None:
        fields = msgspec.structs.fields(params)
        self._params = params
        self._fields = fields
        self._names = frozenset(field.encode_name for field in fields)
        self._required = tuple(field.encode_name for field in fields if field.required)
        self._sources = sources
        self._from_query = bool(sources & Source.QUERY)
        self._options = options
        self.takes_body = bool(sources & BODIES)

    def read_head(self, query: bytes, path: Mapping[str, str]) -> Any:
        """The struct, from path and query alone; never touches the body.

        Args:
            query: the raw query string.
            path: the path's fields, decoded.

        Raises:
            LingpaiError: MISSING_, INVALID_ or REPEATED_PARAMETER.
        """
        values = self._head(query, path)
        self._require(values)
        return self._strings(values)

    async def read(
        self, query: bytes, path: Mapping[str, str], headers: bodies.Headers, receive: bodies.Receive
    ) -> Any:
        """The struct, from all declared places; a route that takes no body leaves it unread.

        Args:
            query: the raw query string.
            path: the path's fields, decoded.
            headers: lower-case names to values.
            receive: the ASGI channel of the request.

        Raises:
            LingpaiError: any of the request's own kinds.
        """
        if not (self.takes_body and bodies.has_body(headers)):
            return self.read_head(query, path)
        # The media type first: a body that the route does not take at all is not waited for.
        kind, parameters = bodies.media_type(headers.get(b"content-type", b""))
        take = self._taker(kind, parameters)
        values = self._head(query, path)
        body = await bodies.receive_body(headers, receive, self._options)
        if take is None:
            return self._objects(values, bodies.json_object(body, self._options.parameter_limit))
        merge(values, take(body).items(), self._options.value_limit)
        self._require(values)
        return self._strings(values)

    def _taker(self, kind: str, parameters: Mapping[str, str]) -> Any:
        names, limit = self._names, self._options.parameter_limit
        sources = self._sources
        boundary = parameters.get("boundary")
        if kind == _JSON_TYPE and sources & Source.JSON:
            return None
        if (kind == _FORM_TYPE and sources & FORMS) or (
            kind == _MULTIPART_TYPE and boundary is None and sources & Source.MISLABELLED
        ):
            return lambda body: declared_pairs(bodies.text_of(body), names, pair_limit=limit)
        if kind == _MULTIPART_TYPE and boundary is not None and sources & Source.FORM:
            return lambda body: bodies.multipart_pairs(body, boundary, names, limit)
        raise bodies.unsupported("a body of this media type is not taken here")

    def _head(self, query: bytes, path: Mapping[str, str]) -> dict[str, str]:
        values: dict[str, str] = {}
        if path:
            for name, value in path.items():
                if REPLACEMENT in value:  # what the server makes of bytes that are no UTF-8
                    raise invalid(name, "is not valid UTF-8")
            merge(values, path.items(), self._options.value_limit)
        if query and self._from_query:
            try:
                text = query.decode()
            except UnicodeDecodeError:
                raise LingpaiError(Kind.INVALID_PARAMETER, "the query is not valid UTF-8") from None
            found = declared_pairs(text, self._names, pair_limit=self._options.parameter_limit)
            merge(values, found.items(), self._options.value_limit)
        return values

    def _require(self, values: Mapping[str, Any]) -> None:
        for name in self._required:
            if name not in values:
                raise _missing(name)

    def _strings(self, values: dict[str, str]) -> Any:
        try:
            return msgspec.convert(values, self._params, strict=False)
        except msgspec.ValidationError as fault:
            raise self._fault(values, {}, fault) from None

    def _objects(self, texts: dict[str, str], found: dict[str, Any]) -> Any:
        """JSON keeps its types; what came by path or query next to it is text and converted as such."""
        objects = {}
        for name in self._names & found.keys():
            value = found[name]
            if value is None or (isinstance(value, str) and (not value or value.isspace())):
                continue
            if isinstance(value, str) and len(value) > self._options.value_limit:
                raise invalid(name, "is too long")
            if name in texts and texts.pop(name) != value:
                raise repeated(name)
            objects[name] = value
        self._require(texts | objects)
        try:
            if not texts:
                return msgspec.convert(objects, self._params)
            values = {
                field.name: msgspec.convert(source[field.encode_name], field.type, strict=strict)
                for source, strict in ((texts, False), (objects, True))
                for field in self._fields
                if field.encode_name in source
            }
            return self._params(**values)
        except (msgspec.ValidationError, ValueError) as fault:
            raise self._fault(texts, objects, fault) from None

    def _fault(self, texts: dict[str, str], objects: dict[str, Any], fault: Exception) -> LingpaiError:
        """Name the field at fault. msgspec's own words may quote the value, so only its harmless ones go out."""
        for source, strict in ((texts, False), (objects, True)):
            for field in self._fields:
                if field.encode_name not in source:
                    continue
                try:
                    msgspec.convert(source[field.encode_name], field.type, strict=strict)
                except msgspec.ValidationError as why:
                    expected = str(why).partition(" - at ")[0]
                    plain = expected.startswith("Expected ")
                    return invalid(
                        field.encode_name, f"is not valid: {expected}" if plain else "is not valid"
                    )
        error = LingpaiError(Kind.INVALID_PARAMETER, "the parameters do not fit together")
        error.detail = str(fault)
        return error
