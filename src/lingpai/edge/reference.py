"""Two pages about ourselves: `/openapi.json` for machines and `/docs` for people, from the same document."""

import functools
import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from lingpai.core.etags import is_named
from lingpai.core.languages import CHINESE, Catalogue, preferred, read_catalogue
from lingpai.core.wire import Call, Reply, Route, Shape, Source
from lingpai.design.pages import self_contained_page
from lingpai.design.words import COMMON, OTHER
from lingpai.edge import openapi
from lingpai.edge.entries import LIMITS, anchor, entries_of, kind_of
from lingpai.edge.schemas import Schema

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        **COMMON["en"],
        "reference": "API reference", "name": "name", "in": "in", "type": "type", "parameters": "Parameters",
        "needed": "required", "none": "No parameters.", "answer": "Sample answer", "start": "Start page",
        "errors": "Refusals", "status": "status", "body": "body", "contents": "Groups", "other": "Other",
        "machine": "OpenAPI", "about": "meaning", "takes": "Body", "filter": "Filter calls",
        "expand": "Expand all", "nothing": "No call matches.", "link": "Link to this call",
        "no_data": "Answers with a page, a redirect or a file.",
        "lead": "Every call of this service. Each answer carries its trace id in the header trace-id.",
    },
    "zh": {
        **COMMON["zh"],
        "reference": "接口文档", "name": "名称", "in": "位置", "type": "类型", "parameters": "参数",
        "needed": "必填", "none": "无参数。", "answer": "返回示例", "start": "首页",
        "errors": "错误", "status": "状态码", "body": "内容", "contents": "分组", "other": "其他",
        "machine": "OpenAPI", "about": "说明", "takes": "请求体", "filter": "筛选接口",
        "expand": "全部展开", "nothing": "没有匹配的接口。", "link": "本接口的链接",
        "no_data": "返回页面、重定向或文件。",
        "lead": "本服务的全部接口。每个响应的 trace-id 响应头都带有追踪号。",
    },
}  # fmt: skip
_PLACES: Mapping[str, Mapping[str, str]] = {
    "en": {"path": "path", "query": "query", "form": "form", "JSON": "JSON"},
    "zh": {"path": "路径", "query": "查询", "form": "表单", "JSON": "JSON"},
}
_CHINESE_LIMITS = LIMITS | {"minLength": "长度 ≥ ", "maxLength": "长度 ≤ ", "pattern": "匹配 "}


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


def chinese_texts() -> dict[str, str]:
    """Return summaries, details, meanings of parameters and groups of the routes in Chinese, by English text."""
    return read_catalogue("lingpai.edge", "pages/reference.zh.toml")


def _unchanged(text: str) -> str:
    return text


def _kind_in_chinese(schema: Schema) -> str:
    return kind_of(schema, _CHINESE_LIMITS, " 或 ", "取值：")


def _rendered(document: Schema, chinese: Catalogue) -> dict[str, Reply]:
    replies = {}
    for lang, words in WORDS.items():
        say, kind = (chinese.translate, _kind_in_chinese) if lang == CHINESE else (_unchanged, kind_of)
        groups = entries_of(document, say, kind)
        replies[lang] = self_contained_page(
            "lingpai.edge", "reference", lang, styles=("pages", "reference"), scripts=True,
            words=words, places=_PLACES[lang], other=OTHER[lang], info=document["info"],
            groups=[(anchor("group", tag), say(tag), entries) for tag, entries in groups.items()],
        )  # fmt: skip
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
    def document() -> Schema:  # at the first look: most processes are never asked
        return openapi.document([*routes, *ours], title=title, version=version, description=description)

    @functools.cache
    def pages() -> dict[str, Reply]:
        return _rendered(document(), Catalogue({**chinese_texts(), **(chinese or {})}))

    @functools.cache
    def for_machines() -> tuple[Reply, str]:
        body = msgspec.json.encode(document())
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        return Reply(body, headers=(("etag", tag), ("cache-control", "no-cache"))), tag

    async def read(_params: _ReadParams, call: Call) -> Reply:
        reply, tag = for_machines()
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
