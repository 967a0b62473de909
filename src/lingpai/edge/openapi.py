"""The OpenAPI 3.1 document of declared routes; nothing in it is written by hand."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply, Route, Source
from lingpai.edge.answers import answers_of
from lingpai.edge.endpoints import BODILESS_METHODS
from lingpai.edge.reading import FORMS
from lingpai.edge.schemas import REF, Schema, envelope, error_sample, inferred

_FIELD = re.compile(r"\{(\w+)(?::\w+)?\}")
_SUCCESS = "200"
SUCCESS_EXAMPLE = "success"
"""The name of the example of a success, among those of refusals, which are named for their kind."""

# Which refusals of the edge a route can give, besides what its verb adds.
_ALWAYS = (Kind.TOO_MANY_REQUESTS, Kind.STORE_UNAVAILABLE, Kind.INTERNAL)
_WITH_PARAMETERS = (Kind.INVALID_PARAMETER, Kind.REPEATED_PARAMETER)
_WITH_BODY = (
    Kind.MALFORMED_BODY,
    Kind.BODY_TOO_LARGE,
    Kind.UNSUPPORTED_MEDIA_TYPE,
    Kind.REQUEST_TIMEOUT,
)


def _media_types(sources: Source) -> tuple[str, ...]:
    json = ("application/json",) if sources & (Source.JSON | Source.DOCUMENT) else ()
    form = ("application/x-www-form-urlencoded",) if sources & FORMS else ()
    multipart = ("multipart/form-data",) if sources & Source.FORM else ()
    return form + json + multipart


def _has_type(route: Route) -> bool:
    return route.returns is not None and route.returns is not Reply


class _Describer:
    def __init__(self, routes: Sequence[Route]) -> None:
        kinds: list[Any] = [route.params for route in routes]
        kinds += [route.returns for route in routes if _has_type(route)]
        bodies = [route for route in routes if route.body is not None]
        kinds += [route.body for route in bodies]
        schemas, self.components = msgspec.json.schema_components(kinds, ref_template=REF)
        self._params = dict(zip(map(id, routes), schemas, strict=False))
        with_value = (route for route in routes if _has_type(route))
        self._answers = answers_of(routes)
        self._returns = dict(zip(map(id, with_value), schemas[len(routes) :], strict=False))
        self._bodies = dict(zip(map(id, bodies), schemas[len(schemas) - len(bodies) :], strict=True))

    def _resolved(self, schema: Schema) -> Schema:
        return self.components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def operation(self, route: Route, method: str) -> Schema:
        struct = self._resolved(self._params[id(route)])
        properties: Schema = struct.get("properties", {})
        required = set(struct.get("required", ()))
        in_path = set(_FIELD.findall(route.path))
        media_types = () if method in BODILESS_METHODS else _media_types(route.sources)
        operation: Schema = {
            "operationId": f"{method.lower()} {route.path}",
            "summary": route.summary,
            "parameters": [
                {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "schema": properties.get(name, {"type": "string"}),
                }
                for name in sorted(in_path)
            ],
            "responses": self._responses(
                route, bool(properties), bool(required - in_path), bool(media_types)
            ),
        }
        if route.details:
            operation["description"] = route.details
        if route.tag:
            operation["tags"] = [route.tag]
        rest = {name: schema for name, schema in properties.items() if name not in in_path}
        if route.body is not None:
            content = {name: {"schema": self._bodies[id(route)]} for name in media_types}
            operation["requestBody"] = {"required": False, "content": content}
            return operation
        if route.sources & Source.QUERY:
            operation["parameters"] += [
                {
                    "name": name,
                    "in": "query",
                    "required": name in required and not media_types,
                    "schema": schema,
                }
                for name, schema in rest.items()
            ]
        if media_types and rest:
            body = {"type": "object", "properties": rest, "required": sorted(required - in_path)}
            if route.sources & Source.QUERY:
                del body["required"]  # what is needed may come in the query just as well
            operation["requestBody"] = {
                "required": bool(body.get("required")),
                "content": {name: {"schema": body} for name in media_types},
            }
        return operation

    def _responses(self, route: Route, parameters: bool, required: bool, body: bool) -> Schema:
        inner = self._returns.get(id(route), {})
        known = self._answers.get(id(route))
        content: Schema = {"*/*": {}}
        if route.returns is not Reply:
            content = {"application/json": {"schema": envelope(route.shape, inner)}}
        elif known is not None:
            content = {"application/json": {}}
        if known is not None:
            content["application/json"]["examples"] = {SUCCESS_EXAMPLE: {"value": known}}
        responses: Schema = {_SUCCESS: {"description": "Success.", "content": content}}
        kinds = (
            (Kind.MISSING_PARAMETER,) * required + _WITH_PARAMETERS * parameters + _WITH_BODY * body + _ALWAYS
        )
        for kind in kinds:
            _add_error(responses, route, kind)
        return responses


def _add_error(responses: Schema, route: Route, kind: Kind) -> None:
    words = kind.value.replace("_", " ")
    status, body = error_sample(route.shape, LingpaiError(kind, words, parameter="name"))
    response = responses.setdefault(str(status), {"description": ""})
    response["description"] = f"{response['description']} {words.capitalize()}.".strip()
    if body is None:
        return
    media = response.setdefault("content", {}).setdefault("application/json", {})
    schema = inferred(body, {})
    known = media.get("schema")
    if known is None:
        media["schema"] = schema
    elif schema != known and schema not in known.get("anyOf", ()):
        media["schema"] = {"anyOf": [*known.get("anyOf", [known]), schema]}
    media.setdefault("examples", {})[kind.value] = {"value": body}


def _grouped(routes: Iterable[Route]) -> dict[str, list[Route]]:
    paths: dict[str, list[Route]] = {}
    for route in routes:
        paths.setdefault(_FIELD.sub(r"{\1}", route.path), []).append(route)
    return paths


def document(routes: Sequence[Route], *, title: str, version: str, description: str = "") -> Schema:
    """An OpenAPI 3.1 document as plain data.

    The envelopes around values and errors are not declared anywhere either: each shape is asked to wrap samples.

    Args:
        routes: as given to `create_app`.
        title: the service's name.
        version: of the service.
        description: Markdown, may be empty.

    Raises:
        TypeError: a parameter or value is of a type that has no JSON Schema.
    """
    describer = _Describer(routes)
    paths = {
        path: {
            method.lower(): describer.operation(route, method) for route in group for method in route.methods
        }
        for path, group in _grouped(routes).items()
    }
    info = {"title": title, "version": version} | ({"description": description} if description else {})
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": describer.components}}
