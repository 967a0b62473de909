"""From values to JSON Schema and back: what an OpenAPI document needs beyond msgspec's own schemas."""

from collections.abc import Mapping
from typing import Any

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Reply, Shape

Schema = dict[str, Any]
REF = "#/components/schemas/{name}"
SAMPLE_TRACE_ID = "5958c360-518a-11eb-81d2-0bfcec717f4a"  # the original's
_PLACEHOLDER = "lingpai:the-value-goes-here"
_SCALARS: tuple[tuple[type, Schema], ...] = (
    (bool, {"type": "boolean"}),
    (int, {"type": "integer"}),
    (float, {"type": "number"}),
    (str, {"type": "string"}),
    (type(None), {"type": "null"}),
)
_SAMPLES: Mapping[str, Any] = {
    "string": "string",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "null": None,
}


def inferred(value: Any, inner: Schema) -> Schema:
    """The schema that a sample value shows, with `inner` in place of the placeholder."""
    if value == _PLACEHOLDER:
        return inner
    if isinstance(value, dict):
        properties = {name: inferred(item, inner) for name, item in value.items()}
        return {"type": "object", "properties": properties, "required": list(properties)}
    if isinstance(value, list):
        return {"type": "array"}
    return next(schema for kind, schema in _SCALARS if isinstance(value, kind))


def _json_of(reply: Reply) -> Any:
    return msgspec.json.decode(reply.body) if reply.content_type.startswith("application/json") else None


def envelope(shape: Shape, inner: Schema) -> Schema:
    """The schema of a success: whatever `shape` really puts around a value, found by having it wrap one."""
    try:
        wrapped = _json_of(shape.success(_PLACEHOLDER, SAMPLE_TRACE_ID))
    except Exception:  # noqa: BLE001  a shape may insist on its own kinds of values; then it wraps nothing around them
        return inner
    return inner if wrapped is None else inferred(wrapped, inner)


def error_sample(shape: Shape, error: LingpaiError) -> tuple[int, Any]:
    """Status and JSON body with which `shape` really answers `error`; the body is None when it is no JSON."""
    reply = shape.error(error, SAMPLE_TRACE_ID)
    return reply.status, _json_of(reply)


def _given(schema: Schema) -> list[Any]:
    """Values that the schema itself offers as examples."""
    single = [schema[key] for key in ("const", "default") if key in schema]
    return [*schema.get("examples", ()), *single, *schema.get("enum", ())]


def sample(schema: Schema, components: Mapping[str, Schema], depth: int = 6) -> Any:
    """An example value of `schema`, for people to look at; at most `depth` references deep."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]] if depth else {}
        depth -= 1
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], components, depth)
    given = _given(schema)
    if given:
        return given[0]
    kind = schema.get("type")
    if kind == "object":
        return {name: sample(item, components, depth) for name, item in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema["items"], components, depth)] if schema.get("items") and depth else []
    return _SAMPLES.get(str(kind))
