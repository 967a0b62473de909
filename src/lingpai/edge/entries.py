"""From an OpenAPI document to what people read: one entry per call, parameters with all their places."""

import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from lingpai.edge.openapi import SUCCESS_EXAMPLE
from lingpai.edge.schemas import Schema, sample

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PREFLIGHT = "options"
MEDIA = {"application/x-www-form-urlencoded": "form", "application/json": "JSON"}
LIMITS = {
    "minimum": "≥ ", "maximum": "≤ ", "exclusiveMinimum": "> ", "exclusiveMaximum": "< ",
    "minLength": "length ≥ ", "maxLength": "length ≤ ", "pattern": "matches ", "const": "",
}  # fmt: skip


class Parameter(NamedTuple):
    """A parameter of a call.

    Attributes:
        name: on the wire.
        places: where it may come: `path`, `query`, `form`, `JSON`.
        needed: whether the call is refused without it.
        schema: of its value.
    """

    name: str
    places: tuple[str, ...]
    needed: bool
    schema: Schema


def twins(operations: Mapping[str, Schema]) -> list[tuple[tuple[str, ...], Schema]]:
    """Return the operations of one path, those with the same summary as one.

    Returns:
        The methods in lower case, and an operation with the parameters, the bodies and the responses of all.
    """
    found: dict[str, tuple[tuple[str, ...], Schema]] = {}
    for method in filter(operations.__contains__, METHODS):
        operation = operations[method]
        methods, before = found.get(operation["summary"], ((), {}))
        found[operation["summary"]] = ((*methods, method), _merged(before, operation))
    return list(found.values())


def _merged(before: Schema, operation: Schema) -> Schema:
    if not before:
        return operation
    known = {each["name"] for each in before["parameters"]}
    added = [each for each in operation["parameters"] if each["name"] not in known]
    merged = {**operation, **before, "parameters": before["parameters"] + added}
    merged["responses"] = {**before["responses"]}
    for status, response in operation["responses"].items():
        merged["responses"][status] = _with_examples(before["responses"].get(status), response)
    return merged


def _with_examples(before: Schema | None, response: Schema) -> Schema:
    if before is None or "content" not in before:
        return response
    content = dict(before["content"])
    for media, described in response.get("content", {}).items():
        known = content.get(media, {})
        examples = {**known.get("examples", {}), **described.get("examples", {})}
        content[media] = {**described, **known} | ({"examples": examples} if examples else {})
    return {**before, "content": content}


def _resolved(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    return components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def parameters(operation: Schema, components: Mapping[str, Schema] = MappingProxyType({})) -> list[Parameter]:
    """Return the parameters of an operation, each with every place that it may come from."""
    rows: dict[str, Parameter] = {}
    for each in operation["parameters"]:
        rows[each["name"]] = Parameter(each["name"], (each["in"],), each["required"], each["schema"])
    content = operation.get("requestBody", {}).get("content", {})
    places = tuple(MEDIA[each] for each in content if each in MEDIA)
    for media in list(content.values())[:1]:
        body = _resolved(media["schema"], components)
        # Where a parameter may come by query or by body, neither place demands it in the document.
        for name, schema in body.get("properties", {}).items():
            known = rows.get(name) or Parameter(name, (), name in body.get("required", ()), schema)
            rows[name] = known._replace(places=known.places + places)
    return list(rows.values())


def kind_of(
    schema: Schema, words: Mapping[str, str] = LIMITS, either: str = " or ", one_of: str = "one of "
) -> str:
    """Return the type of a value with its limits, in words.

    Args:
        schema: of the value.
        words: the words before the number of a limit, by the limit's name.
        either: between types, when there are several.
        one_of: before the list of all values.
    """
    if "anyOf" in schema:
        options = [each for each in schema["anyOf"] if each != {"type": "null"}]
        return either.join(kind_of(each, words, either, one_of) for each in options)
    limits = [f"{word}{schema[limit]}" for limit, word in words.items() if limit in schema]
    if "enum" in schema:
        limits.append(one_of + ", ".join(str(each) for each in schema["enum"]))
    named = schema.get("$ref", "string" if "enum" in schema else "any").rpartition("/")[2]
    return ", ".join((str(schema.get("type") or named), *limits))


def about_of(schema: Schema) -> str:
    """The meaning of a parameter: its own, or that of the first of its types or of its items that has one."""
    parts = (*schema.get("anyOf", ()), *filter(None, (schema.get("items"),)))
    inner = next(filter(None, map(about_of, parts)), "")
    return str(schema.get("description") or inner)


def anchor(*parts: str) -> str:
    """Return the name by which links within a page find something."""
    text = "-".join(parts).replace("/", "-").replace(": ", "-").replace(" ", "-")
    return "".join(char for char in text if char not in "{}:'\"")


def entries_of(
    document: Schema, say: Callable[[str], str], kind: Callable[[Schema], str]
) -> dict[str, list[Schema]]:
    """Return what the page shows, by group.

    Args:
        document: see `openapi.document`.
        say: translates a text.
        kind: a schema's type, in words.
    """
    groups: dict[str, list[Schema]] = {}
    for path, operations in document["paths"].items():
        calls = twins(operations)
        if len(calls) > 1 and calls[-1][0] == (PREFLIGHT,):  # CORS: nobody calls it by hand
            calls = [*calls[:-2], ((*calls[-2][0], PREFLIGHT), calls[-2][1])]
        for methods, operation in calls:
            entry = {
                "id": anchor(methods[0] + path),
                "methods": methods,
                "path": path,
                "summary": say(operation["summary"].rstrip(".")),
                "details": say(operation.get("description", "")),
                "rows": [
                    {**each._asdict(), "kind": kind(each.schema), "about": say(about_of(each.schema))}
                    for each in parameters(operation, document["components"]["schemas"])
                ],
                "media": list(operation.get("requestBody", {}).get("content", ())),
                "answer": _answer(operation, document["components"]["schemas"]),
                "errors": list(_errors(operation["responses"])),
            }
            groups.setdefault(next(iter(operation.get("tags", ())), ""), []).append(entry)
    return groups


def _answer(operation: Schema, components: Mapping[str, Schema]) -> str:
    content = operation["responses"]["200"]["content"]
    described = content.get("application/json")
    if described is None or "*/*" in content:  # a page or a redirect, whose refusals may be JSON
        return ""
    known = described.get("examples", {}).get(SUCCESS_EXAMPLE)
    value = sample(described["schema"], components) if known is None else known["value"]
    return json.dumps(value, ensure_ascii=False, indent=2)


def _errors(responses: Mapping[str, Schema]) -> Iterator[dict[str, Any]]:
    for status, response in responses.items():
        examples = response.get("content", {}).get("application/json", {}).get("examples", {})
        for kind, example in examples.items():
            if kind != SUCCESS_EXAMPLE:
                body = json.dumps(example["value"], ensure_ascii=False)
                yield {"kind": kind, "status": status, "body": body}
