"""Strict in what is decided, lenient in how it is spelled: labels, charsets, marks, slashes."""

import pytest

from lingpai.core.wire import Source
from lingpai.edge.app import create_app
from tests.edge.running_edge import (
    FALLBACK,
    ROUTES,
    Answer,
    Edge,
    Item,
    Nothing,
    echo,
    route,
    running,
)

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
ANY = Source.QUERY | Source.FORM | Source.JSON | Source.UNLABELLED
OBJECT = b'{"app":"1","code":"2"}'
WANTED = {"app": "1", "code": "2", "count": 0, "kind": "a", "name": "", "flag": False}
LENIENT = (
    route("/any", echo, "GET", "POST", params=Item, sources=ANY),
    route("/bare", echo, "POST", params=Nothing, sources=ANY),
    *ROUTES,
)
LABELS = [
    *(
        JSON,
        FORM,
        "text/plain",
        "text/plain;charset=UTF-8",
        "text/json",
        "application/octet-stream",
        "text/html",
        "",
    ),
    *("application/json; charset=ISO-8859-1", f"{FORM}; charset=ISO-8859-1", "text/plain; charset=us-ascii"),
    *(
        "application/json;charset=GBK",
        "application/json;charset=windows-1252",
        "application/vnd.api+json",
        "garbage",
    ),
    *("multipart/form-data", f'{FORM}; charset="utf-8"'),
]


async def post(target: str, body: bytes, label: str | None) -> Answer:
    async with running(create_app(LENIENT, FALLBACK)) as edge:
        return await edge.ask("POST", target, body, label)


@pytest.mark.parametrize("label", [*LABELS, None])
async def test_a_json_body_is_read_whatever_its_label(label: str | None) -> None:
    for body in (OBJECT, b"\n " + OBJECT, b"\xef\xbb\xbf" + OBJECT):
        answer = await post("/any", body, label)
        assert (answer.status, answer.json["data"]) == (200, WANTED)


@pytest.mark.parametrize("label", [JSON, FORM, "text/plain", None])
async def test_parameters_may_be_in_the_query_with_any_body(label: str | None) -> None:
    for target, body in (("/any?app=1", b'{"code":"2"}'), ("/any?app=1&code=2", b"{}")):
        answer = await post(target, body, label)
        assert (answer.status, answer.json["data"]) == (200, WANTED)
    assert (await post("/any?app=3", OBJECT, label)).json["kind"] == "repeated_parameter"


@pytest.mark.parametrize(
    "label", [FORM, "text/plain", None, f"{FORM}; charset=ISO-8859-1", f"{FORM};charset=GB2312"]
)
async def test_a_form_is_read_whatever_its_label(label: str | None) -> None:
    assert (await post("/any", b"app=1&code=2", label)).json["data"] == WANTED


async def test_a_blank_body_without_a_label_is_none() -> None:
    assert (await post("/any?app=1&code=2", b" \r\n", None)).json["data"] == WANTED


@pytest.mark.parametrize(
    ("label", "body", "status", "said"),
    [
        ("application/json; charset=GBK", '{"app":"\u5e97","code":"2"}'.encode("gbk"), 415, "GBK"),
        ("application/json; charset=utf-16", OBJECT.decode().encode("utf-16"), 415, "utf-16"),
        ("application/json; charset=utf-16le", OBJECT, 415, "send UTF-8"),
        ("application/json; charset=rot13", OBJECT, 415, "send UTF-8"),
        ("application/json; charset=utf-7", OBJECT, 415, "send UTF-8"),
        (f"{FORM}; charset=GBK", "app=\u5e97&code=2".encode("gbk"), 415, "GBK"),
        (
            "application/json; charset=ISO-8859-1",
            '{"app":"\xe4","code":"2"}'.encode("latin-1"),
            415,
            "ISO-8859-1",
        ),
        (JSON, '{"app":"\u5e97\u94fa","code":"2"}'.encode("gbk"), 400, "GBK"),
        (JSON, OBJECT.decode().encode("utf-16"), 400, "UTF-16"),
        ("text/plain", b"nonsense", 415, "media type"),
        ("text/plain", b"[1]", 400, "object"),
        (FORM, b"{", 400, "JSON"),
    ],
)
async def test_what_cannot_be_read_says_what_to_send(label: str, body: bytes, status: int, said: str) -> None:
    answer = await post("/any", body, label)
    assert answer.status == status
    assert said in answer.json["reason"]


async def test_marks_and_charsets_are_understood_by_strict_routes_too() -> None:
    assert (await post("/json", b"\xef\xbb\xbf" + OBJECT, JSON)).json["data"] == WANTED
    assert (await post("/json", OBJECT, f"{JSON}; charset=ISO-8859-1")).json["data"] == WANTED
    assert (await post("/strict", b"app=1&code=2", f"{FORM}; charset=ISO-8859-1")).json["data"] == WANTED
    assert (await post("/json", OBJECT, "text/plain")).status == 415
    assert (await post("/strict", OBJECT, FORM)).json["kind"] == "missing_parameter"


async def test_careless_slashes_are_404_in_the_shape_that_was_meant(edge: Edge) -> None:
    for path, shape in (
        ("//other/none", "other"),
        ("/other//deep/", "deep"),
        ("//other//deep/x", "deep"),
        ("//x", "main"),
        ("//other//thing", "other"),
    ):
        answer = await edge.get(path)
        assert (answer.status, answer.json["shape"]) == (404, shape)


async def test_repeated_if_none_match_lines_are_one_list(edge: Edge) -> None:
    answer = await edge.get("/call", ("if-none-match", '"1"'), ("if-none-match", 'W/"2"'))
    assert answer.json["data"]["none_match"] == '"1", W/"2"'
