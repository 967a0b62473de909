"""Two pages about ourselves: `/openapi.json` for machines and `/docs` for people, from the same document."""

import base64
import functools
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import msgspec

from lingpai.core.etags import is_named
from lingpai.core.languages import CHINESE, Catalogue, preferred, read_catalogue
from lingpai.core.templates import template
from lingpai.core.wire import Call, Reply, Route, Shape, Source
from lingpai.edge import openapi
from lingpai.edge.schemas import Schema, sample

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "reference": "API reference", "name": "name", "in": "in", "type": "type",
        "needed": "needed", "yes": "yes", "no": "no", "none": "No parameters.", "answer": "Answer",
        "errors": "Refusals", "status": "status", "body": "body", "contents": "Contents", "other": "Other",
        "switch": "中文", "machine": "for machines", "about": "about", "takes": "Body",
    },
    "zh": {
        "reference": "接口文档", "name": "名称", "in": "位置", "type": "类型",
        "needed": "必填", "yes": "是", "no": "否", "none": "无参数。", "answer": "返回",
        "errors": "错误", "status": "状态码", "body": "内容", "contents": "目录", "other": "其他",
        "switch": "English", "machine": "机器可读", "about": "说明", "takes": "请求体",
    },
}  # fmt: skip
_PLACES: Mapping[str, Mapping[str, str]] = {
    "en": {"path": "path", "query": "query", "body": "body"},
    "zh": {"path": "路径", "query": "查询", "body": "请求体"},
}
_LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "minLength",
    "maxLength",
    "pattern",
    "enum",
    "const",
    "format",
)


class _ReadParams(msgspec.Struct):
    """A document without parameters."""


class _PageParams(msgspec.Struct):
    """Parameters of the page for people.

    Attributes:
        lang: `en` or `zh`; the browser's wish when absent.
    """

    lang: str = ""


def language(wish: str, accept: str | None) -> str:
    """The page's language.

    Args:
        wish: an explicit one, may be empty or unknown.
        accept: the `Accept-Language` header, or None.

    Returns:
        A key of `WORDS`: the wish, else what the header prefers, else English.
    """
    return wish if wish in WORDS else preferred(accept, WORDS)


def _kind_of(schema: Schema) -> str:
    if "anyOf" in schema:
        return " | ".join(_kind_of(option) for option in schema["anyOf"])
    name = str(schema.get("type") or schema.get("$ref", "any").rpartition("/")[2])
    limits = ", ".join(f"{limit}: {schema[limit]}" for limit in _LIMITS if limit in schema)
    return f"{name} ({limits})" if limits else name


def _rows(operation: Schema) -> list[Schema]:
    rows = [
        {"name": p["name"], "in": p["in"], "needed": p["required"], "schema": p["schema"]}
        for p in operation["parameters"]
    ]
    for media in list(operation.get("requestBody", {}).get("content", {}).values())[:1]:
        body = media["schema"]
        needed = body.get("required", ())
        in_query = {row["name"] for row in rows}
        rows += [
            {"name": name, "in": "body", "needed": name in needed, "schema": schema}
            for name, schema in body["properties"].items()
            if name not in in_query
        ]
    return [row | {"kind": _kind_of(row["schema"]), "about": about_of(row["schema"])} for row in rows]


def about_of(schema: Schema) -> str:
    """The meaning of a parameter: its own, or that of the first of its types that has one."""
    inner = next(filter(None, map(about_of, schema.get("anyOf", ()))), "")
    return str(schema.get("description") or inner)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def chinese_texts() -> dict[str, str]:
    """Return summaries, details, meanings of parameters and groups of the routes in Chinese, by English text."""
    return read_catalogue("lingpai.edge", "pages/reference.zh.toml")


def _unchanged(text: str) -> str:
    return text


def _entries(document: Schema, say: Callable[[str], str] = _unchanged) -> dict[str, list[Schema]]:
    components = document["components"]["schemas"]
    groups: dict[str, list[Schema]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            answer = responses["200"]["content"].get("application/json", {}).get("schema")
            errors = [
                {"kind": kind, "status": status, "body": json.dumps(example["value"], ensure_ascii=False)}
                for status, response in responses.items()
                for kind, example in response.get("content", {})
                .get("application/json", {})
                .get("examples", {})
                .items()
            ]
            entry = {
                "id": f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""),
                "method": method.upper(), "path": path, "summary": say(operation["summary"]),
                "details": say(operation.get("description", "")),
                "rows": [row | {"about": say(row["about"])} for row in _rows(operation)],
                "media": list(operation.get("requestBody", {}).get("content", ())),
                "answer": "" if answer is None else _pretty(sample(answer, components)), "errors": errors,
            }  # fmt: skip
            groups.setdefault(say(next(iter(operation.get("tags", ())), "")), []).append(entry)
    return groups


def style_of() -> str:
    """The style sheet of the pages about ourselves."""
    return (files("lingpai.edge") / "pages" / "reference.css").read_text("utf-8")


def page_headers(style: str) -> tuple[tuple[str, str], ...]:
    """Headers of such a page: nothing from elsewhere, and no style but ours."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    nothing = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    policy = f"{nothing}; style-src 'sha256-{digest}'"
    return (("content-security-policy", policy), ("cache-control", "no-cache"), ("vary", "accept-language"))


def _rendered(document: Schema, chinese: Catalogue) -> dict[str, Reply]:
    style = style_of()
    page = template("lingpai.edge", "pages", "reference.html.j2")
    replies = {}
    for lang, words in WORDS.items():
        groups = _entries(document, chinese.translate if lang == CHINESE else _unchanged)
        html = page.render(
            lang=lang, words=words, places=_PLACES[lang], info=document["info"], groups=groups, style=style
        )
        replies[lang] = Reply(html.encode(), 200, "text/html; charset=utf-8", page_headers(style))
    return replies


def reference_routes(
    routes: Sequence[Route],
    shape: Shape,
    *,
    title: str,
    version: str,
    description: str = "",
    chinese: Mapping[str, str] | None = None,
) -> list[Route]:
    """The routes `/openapi.json` and `/docs`, prepared at the first look; both know about themselves too.

    Args:
        routes: what to document.
        shape: for the errors of these two.
        title: the service's name.
        version: of the service.
        description: what it is, in a sentence or two.
        chinese: texts of the routes in Chinese, besides those of `chinese_texts`.
    """

    @functools.cache
    def pages() -> dict[str, Reply]:  # at the first look: most processes are never asked
        document = openapi.document([*routes, *ours], title=title, version=version, description=description)
        body = msgspec.json.encode(document)
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        machine = Reply(body, headers=(("etag", tag), ("cache-control", "no-cache")))
        return {**_rendered(document, Catalogue({**chinese_texts(), **(chinese or {})})), "json": machine}

    async def read(_params: _ReadParams, call: Call) -> Reply:
        reply = pages()["json"]
        tag = dict(reply.headers)["etag"]
        return Reply(b"", 304, headers=reply.headers) if is_named(tag, call.if_none_match) else reply

    async def show(params: _PageParams, call: Call) -> Reply:
        return pages()[language(params.lang, call.header("accept-language"))]

    ours = [
        Route(("GET",), path, params, Source.QUERY, verb, shape, summary, Reply, "service")
        for path, params, verb, summary in (
            ("/openapi.json", _ReadParams, read, "Get this reference as OpenAPI 3.1."),
            ("/docs", _PageParams, show, "Show this reference."),
        )
    ]
    return ours
