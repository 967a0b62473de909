"""The OpenAPI document and the page to read it are what the routes declare (G72)."""

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest

from lingpai.core.wire import Source
from lingpai.edge.answers import answers_of
from lingpai.edge.app import create_app
from lingpai.edge.entries import entries_of, kind_of
from lingpai.edge.openapi import document
from lingpai.edge.reference import WORDS, language, reference_routes
from tests.edge.running_edge import FALLBACK, MAIN, OTHER, ROUTES, Edge, Item, echo, route, running


class Token(msgspec.Struct):
    """A token.

    Attributes:
        access_token: it.
        expires_in: seconds.
    """

    access_token: str
    expires_in: int


DECLARED = [
    *ROUTES,
    route(
        "/token/{id}",
        echo,
        "GET",
        "POST",
        params=Item,
        sources=Source.PATH | Source.FORM,
        returns=Token,
    ),
    route("/rest/{tail:path}", echo, returns=list[Token], shape=OTHER, summary="<b>&"),
]


def made() -> dict[str, Any]:
    return document(DECLARED, title="T", version="1", description="D")


def test_every_route_and_method_is_there_and_nothing_else() -> None:
    paths = made()["paths"]
    declared = {(r.path.replace(":path", ""), method.lower()) for r in DECLARED for method in r.methods}
    assert {(path, method) for path, operations in paths.items() for method in operations} == declared
    identifiers = [
        operation["operationId"] for operations in paths.values() for operation in operations.values()
    ]
    assert len(set(identifiers)) == len(identifiers)


def test_parameters_are_where_the_route_takes_them() -> None:
    paths = made()["paths"]
    query = {p["name"]: p for p in paths["/item"]["get"]["parameters"]}
    assert query.keys() == {"app", "code", "count", "kind", "name", "flag"}
    assert (query["app"]["in"], query["app"]["required"], query["count"]["required"]) == (
        "query",
        True,
        False,
    )
    assert query["name"]["schema"]["maxLength"] == 5
    assert query["kind"]["schema"]["enum"] == ["a", "b"]
    assert paths["/items/{id}"]["get"]["parameters"][0] == {
        "name": "id", "in": "path", "required": True, "schema": {"type": "string"},
    }  # fmt: skip
    assert "requestBody" not in paths["/item"]["get"]
    assert "requestBody" not in paths["/query"]["post"]


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("/form", ["application/x-www-form-urlencoded", "multipart/form-data"]),
        ("/strict", ["application/x-www-form-urlencoded"]),
        ("/json", ["application/json"]),
    ],
)
def test_bodies_name_their_media_types(path: str, media: list[str]) -> None:
    body = made()["paths"][path]["post"]["requestBody"]
    assert list(body["content"]) == media
    assert body["required"]
    assert body["content"][media[0]]["schema"]["required"] == ["app", "code"]


def test_answers_are_wrapped_as_the_shape_wraps_them() -> None:
    paths = made()["paths"]
    schema = paths["/rest/{tail}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert list(schema["properties"]) == ["shape", "data", "trace"]
    assert schema["properties"]["data"]["items"] == {"$ref": "#/components/schemas/Token"}
    refusals = paths["/form"]["post"]["responses"]
    assert {"400", "413", "415", "408", "429", "500"} <= refusals.keys()
    example = refusals["413"]["content"]["application/json"]["examples"]["body_too_large"]["value"]
    assert (example["shape"], example["kind"]) == ("main", "body_too_large")


@pytest.mark.threat("G72")
async def test_the_document_is_true() -> None:
    routes = [*DECLARED, *reference_routes(DECLARED, MAIN, title="T", version="1")]
    async with running(create_app(routes, FALLBACK)) as edge:
        answer = await edge.get("/openapi.json")
        reply = answer.json
        assert {"/openapi.json", "/docs"} <= reply["paths"].keys()
        again = await edge.get("/openapi.json", ("if-none-match", answer.headers["etag"]))
        assert (again.status, again.body) == (304, b"")
        for path, operations in reply["paths"].items():
            target = re.sub(r"\{\w+\}", "1", path)
            allowed = set((await edge.ask("OPTIONS", target)).headers["allow"].lower().split(", "))
            assert operations.keys() == allowed - {"head", "options"}


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


async def _page(edge: Edge, target: str, *headers: tuple[str, str]) -> tuple[str, Any]:
    answer = await edge.get(target, *headers)
    assert answer.status == 200
    return answer.body.decode(), answer.headers


async def test_the_page_needs_nothing_from_elsewhere_and_speaks_both_languages() -> None:
    routes = [*DECLARED, *reference_routes(DECLARED, MAIN, title="T", version="1", description="<i>D</i>")]
    async with running(create_app(routes, FALLBACK)) as edge:
        english, headers = await _page(edge, "/docs")
        chinese, _ = await _page(edge, "/docs", ("accept-language", "zh-CN,zh;q=0.9,en;q=0.8"))
        assert await _page(edge, "/docs?lang=en", ("accept-language", "zh"))
        assert (await _page(edge, "/docs?lang=zh"))[0] == chinese
        assert (await _page(edge, "/docs?lang=en", ("accept-language", "zh")))[0] == english
    assert WORDS["en"]["errors"] in english
    assert WORDS["zh"]["errors"] in chinese
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'sha256-" in policy
    assert "script-src 'sha256-" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    tags = Page(english).tags
    assert not [tag for tag, attributes in tags if tag in {"img", "iframe"} or "style" in attributes]
    assert not [attributes for tag, attributes in tags if tag == "script" and attributes]
    assert [attributes["href"] for tag, attributes in tags if tag == "link"] == ["/icon.svg"]
    links = [attributes.get("href") or "" for tag, attributes in tags if tag == "a"]
    assert all(link.startswith(("#", "/", "?")) for link in links)
    anchors = [attributes["id"] for _, attributes in tags if attributes.get("id")]
    assert {link[1:] for link in links if link.startswith("#")} <= set(anchors)
    assert len(anchors) == len(set(anchors))
    assert "<i>D</i>" not in english
    assert "&lt;b&gt;&amp;" in english


def _entries() -> dict[str, list[dict[str, Any]]]:
    return entries_of(made(), lambda text: text, kind_of)


def test_the_same_call_by_several_methods_is_one_entry() -> None:
    entries = [entry for group in _entries().values() for entry in group]
    (token,) = [entry for entry in entries if entry["path"] == "/token/{id}"]
    assert token["methods"] == ("get", "post")
    rows = {row["name"]: row["places"] for row in token["rows"]}
    assert rows["id"] == ("path",)
    assert rows["app"] == ("form",), "what only one of the methods takes is there too"
    kinds = {error["kind"] for error in token["errors"]}
    assert {"invalid_parameter", "body_too_large"} <= kinds, "refusals of both"
    shown = [(method, entry["path"]) for entry in entries for method in entry["methods"]]
    declared = [(m.lower(), r.path.replace(":path", "")) for r in DECLARED for m in r.methods]
    assert sorted(shown) == sorted(declared), "each route once"


def test_a_preflight_is_no_entry_of_its_own_and_another_verb_is_one() -> None:
    described = document(
        [
            route("/a", echo, "POST", summary="Do it"),
            route("/a", echo, "OPTIONS", summary="CORS preflight"),
            route("/b", echo, "GET", summary="Show the form"),
            route("/b", echo, "POST", summary="Send the form"),
        ],
        title="T",
        version="1",
    )
    groups = entries_of(described, lambda text: text, kind_of)
    shown = [(entry["methods"], entry["summary"]) for group in groups.values() for entry in group]
    assert shown == [
        (("post", "options"), "Do it"),
        (("get",), "Show the form"),
        (("post",), "Send the form"),
    ]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "maxLength": 5}, "string, length ≤ 5"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string"),
        ({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}]}, "string or integer, ≥ 0"),
        ({"enum": ["a", "b"]}, "string, one of a, b"),
        ({"$ref": "#/components/schemas/Token"}, "Token"),
        ({}, "any"),
    ],
)
def test_types_are_words(schema: dict[str, Any], words: str) -> None:
    assert kind_of(schema) == words


def test_samples_are_found_under_a_prefix_and_by_the_summary() -> None:
    routes = [
        route("/partners/OAuth2/ticket", echo, "POST", summary="Get a ticket"),
        route("/elsewhere", echo, "POST", summary="Get a ticket"),
        route("/partners/OAuth2/ticket", echo, "OPTIONS", summary="CORS preflight"),
        route("/other", echo, "GET", summary="Something else"),
    ]
    found = answers_of(routes)
    assert found[id(routes[0])]["data"]["expires_in"] == 7200
    assert found[id(routes[1])] == found[id(routes[0])]
    assert len(found) == 2
    described = document(routes, title="T", version="1")["paths"]["/partners/OAuth2/ticket"]["post"]
    media = described["responses"]["200"]["content"]["application/json"]
    assert media["examples"]["success"]["value"] == found[id(routes[0])]
    assert "example" not in media, "OpenAPI allows one of both"


@pytest.mark.parametrize(
    ("wish", "accept", "expected"),
    [
        ("zh", "en", "zh"),
        ("", None, "en"),
        ("xx", "zh", "zh"),
        ("", "zh-TW", "zh"),
        ("", "fr,de;q=0.5", "en"),
        ("", "en;q=0.2, zh;q=0.8", "zh"),
        ("", "zh;q=0", "en"),
        ("", "zh;q=x,,;;", "en"),
    ],
)
def test_language(wish: str, accept: str | None, expected: str) -> None:
    assert language(wish, accept) == expected


def test_both_languages_have_all_words() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
