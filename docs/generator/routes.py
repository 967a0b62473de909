"""The page of routes, from the document with which a service describes itself."""

import asyncio
import json
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docs.generator.markdown import code, head, joined, table
from lingpai.edge import openapi
from lingpai.edge.entries import about_of, kind_of, parameters, twins
from lingpai.edge.heads import Head
from lingpai.edge.schemas import sample
from lingpai.operating.routes import AdminApi
from lingpai.service import open_service
from lingpai.settings import Settings

Document = dict[str, Any]
_DIGEST = re.compile(r"\.[0-9a-f]{16}\.")


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
    by_tag: dict[str, list[tuple[tuple[str, ...], str, Document]]] = {}
    for path, operations in described["paths"].items():
        for methods, operation in twins(operations):
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


def admin_page() -> str:
    """The page of the admin API's routes."""
    api = AdminApi.__new__(AdminApi)  # what it declares depends on no service
    described = openapi.document(api.declare(), title="", version="")
    blocks = head(
        "Admin API",
        "Served on a listener of its own; see [the guide](../how-to/admin-api.md). Every call needs an admin key, "
        "and every error is a problem document (RFC 9457). A running service describes the same at "
        "`/admin/v1/openapi.json`.",
    )
    components = described["components"]["schemas"]
    for path, operations in described["paths"].items():
        for methods, operation in twins(operations):
            blocks += _entry(methods, path, operation, components)
    return joined(blocks)


def titled(path: str) -> str:
    """A path as the page names it: the digest in a style sheet's name changes with the style."""
    return _DIGEST.sub(".….", path)


def _entry(methods: tuple[str, ...], path: str, operation: Document, components: Document) -> list[str]:
    blocks = [f"### {', '.join(methods).upper()} `{titled(path)}`", operation["summary"].rstrip(".") + "."]
    if "description" in operation:
        blocks.append(operation["description"])
    rows = _parameters(operation, components)
    if rows:
        blocks.append(table(("name", "in", "needed", "type", "meaning"), rows))
    answer = operation["responses"]["200"]["content"].get("application/json", {}).get("schema")
    if answer is not None:
        blocks.append(f"Answers {code(_compact(sample(answer, components)))}.")
    return blocks


def _parameters(operation: Document, components: Document) -> list[tuple[str, ...]]:
    return [
        (
            code(each.name),
            ", ".join(each.places),
            "yes" if each.needed else "",
            kind_of(each.schema),
            about_of(each.schema),
        )
        for each in parameters(operation, components)
    ]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
