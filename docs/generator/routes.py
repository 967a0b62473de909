"""The page of routes, from the document with which a service describes itself."""

import asyncio
import json
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docs.generator.markdown import code, head, joined, table
from lingpai.edge.heads import Head
from lingpai.edge.reference import about_of
from lingpai.edge.schemas import sample
from lingpai.service import open_service
from lingpai.settings import Settings

Document = dict[str, Any]
_LIMITS = {
    "minimum": "≥ ", "maximum": "≤ ", "exclusiveMinimum": "> ", "exclusiveMaximum": "< ",
    "minLength": "length ≥ ", "maxLength": "length ≤ ", "pattern": "matches ", "const": "",
}  # fmt: skip
_MEDIA = {"application/x-www-form-urlencoded": "form", "application/json": "JSON"}
_DIGEST = re.compile(r"\.[0-9a-f]{16}\.")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def document() -> Document:
    """The OpenAPI document of a service with the settings as they come."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_ask(Path(folder)))


async def _ask(folder: Path) -> Document:
    async with open_service(Settings(data=folder)) as app:
        endpoint, fields = app.find("GET", "/openapi.json")
        line: Any = SimpleNamespace(peer="127.0.0.1")
        answer = await endpoint.answer(Head(b"", ()), line, fields, b"")
    found: Document = json.loads(answer.reply.body)
    return found


def page() -> str:
    """The page."""
    described = document()
    components = described["components"]["schemas"]
    by_tag: dict[str, list[tuple[str, str, Document]]] = {}
    for path, operations in described["paths"].items():
        for methods, operation in _alike(operations):
            by_tag.setdefault(next(iter(operation.get("tags", ())), ""), []).append(
                (methods, path, operation)
            )
    blocks = head(
        "Routes",
        "A running service shows the same at `/docs`, and as OpenAPI at `/openapi.json`. Every answer carries "
        "its trace id in the header `trace-id`. What an error looks like on each surface: [errors.md](errors.md).",
    )
    for tag, entries in by_tag.items():
        blocks.append(f"## {tag or 'Other'}")
        for methods, path, operation in entries:
            blocks += _entry(methods, path, operation, components)
    return joined(blocks)


def titled(path: str) -> str:
    """A path as the page names it: the digest in a style sheet's name changes with the style."""
    return _DIGEST.sub(".….", path)


def _alike(operations: Document) -> list[tuple[str, Document]]:
    """The operations of a path, those with the same summary as one, which shows the places of all."""
    found: dict[str, tuple[str, Document]] = {}
    for method in filter(operations.__contains__, _METHODS):
        operation = operations[method]
        before = found.get(operation["summary"])
        if before is None:
            found[operation["summary"]] = (method.upper(), dict(operation))
        else:
            before[1].setdefault("requestBody", operation.get("requestBody", {}))
            found[operation["summary"]] = (f"{before[0]}, {method.upper()}", before[1])
    return list(found.values())


def _entry(methods: str, path: str, operation: Document, components: Document) -> list[str]:
    blocks = [f"### {methods} `{titled(path)}`", operation["summary"].rstrip(".") + "."]
    if "description" in operation:
        blocks.append(operation["description"])
    rows = _parameters(operation)
    if rows:
        blocks.append(table(("name", "in", "needed", "type", "meaning"), rows))
    answer = operation["responses"]["200"]["content"].get("application/json", {}).get("schema")
    if answer is not None:
        blocks.append(f"Answers {code(_compact(sample(answer, components)))}.")
    return blocks


def _parameters(operation: Document) -> list[tuple[str, ...]]:
    rows: dict[str, tuple[list[str], bool, Document]] = {}
    for each in operation["parameters"]:
        rows[each["name"]] = ([each["in"]], each["required"], each["schema"])
    content = operation.get("requestBody", {}).get("content", {})
    for media in list(content.values())[:1]:
        body = media["schema"]
        # Where a parameter may come by query or by body, neither place demands it in the document.
        for name, schema in body["properties"].items():
            places, needed, _ = rows.setdefault(name, ([], name in body.get("required", ()), schema))
            places += [_MEDIA[each] for each in content if each in _MEDIA]
            rows[name] = (places, needed, schema)
    return [
        (
            code(name),
            ", ".join(places),
            "yes" if needed else "",
            _kind(schema),
            about_of(schema),
        )
        for name, (places, needed, schema) in rows.items()
    ]


def _kind(schema: Document) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"] if each != {"type": "null"})
    limits = [f"{words}{schema[limit]}" for limit, words in _LIMITS.items() if limit in schema]
    if "enum" in schema:
        limits.append("one of " + ", ".join(str(each) for each in schema["enum"]))
    return ", ".join((str(schema.get("type") or schema.get("$ref", "any").rpartition("/")[2]), *limits))


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
