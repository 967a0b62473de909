"""Parameters: from which places, how strictly, and what is refused (A7, A8, D35, D45)."""

from typing import Any

import pytest

from tests.edge.running_edge import Edge

FORM = "application/x-www-form-urlencoded"
PART = '--b\r\ncontent-disposition: form-data; name="{}"\r\n\r\n{}\r\n'


def multipart(**fields: str) -> bytes:
    return ("".join(PART.format(name, value) for name, value in fields.items()) + "--b--\r\n").encode()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/item?app=1&code=2&count=3", {"app": "1", "code": "2", "count": 3}),
        ("/item?app=a+b&code=%E4%BB%A4%E7%89%8C", {"app": "a b", "code": "令牌"}),
        ("/item?app=a%2Bb&code=a%26b%3Dc", {"app": "a+b", "code": "a&b=c"}),
        ("/item?app=1&code=2=3", {"code": "2=3"}),
        ("/item?%61pp=1&code=2", {"app": "1"}),
        ("/item?app=1&code=2&flag=true&kind=b", {"flag": True, "kind": "b"}),
        ("/item?app=1&code=2&app[]=3&other=x&other=y", {"app": "1"}),
        ("/item?app=1&code=2&count=&name=%20", {"count": 0, "name": ""}),
        ("/item?app=null&code=%25zz", {"app": "null", "code": "%zz"}),
        ("/item?app=1&code=a;count=7", {"code": "a;count=7", "count": 0}),
    ],
)
@pytest.mark.threat("A8")
async def test_query_is_decoded_once_and_strangers_are_ignored(
    edge: Edge, target: str, expected: dict[str, Any]
) -> None:
    answer = await edge.get(target)
    assert answer.status == 200
    assert answer.json["data"].items() >= expected.items()


@pytest.mark.parametrize(
    ("target", "kind", "parameter"),
    [
        ("/item", "missing_parameter", "app"),
        ("/item?code=1", "missing_parameter", "app"),
        ("/item?app=1", "missing_parameter", "code"),
        ("/item?app=%20%09&code=1", "missing_parameter", "app"),
        ("/item?app=&code=1", "missing_parameter", "app"),
        ("/item?count=x", "missing_parameter", "app"),
        ("/item?app=1&code=2&app=1", "repeated_parameter", "app"),
        ("/item?app=1&code=2&%61pp=3", "repeated_parameter", "app"),
        ("/item?app=&app=1&code=2", "repeated_parameter", "app"),
        ("/item?app=1&code=2&count=x", "invalid_parameter", "count"),
        ("/item?app=1&code=2&count=1.5", "invalid_parameter", "count"),
        ("/item?app=1&code=2&kind=SECRETVALUE", "invalid_parameter", "kind"),
        ("/item?app=1&code=2&name=toolong", "invalid_parameter", "name"),
        ("/item?app=1&code=%00", "invalid_parameter", "code"),
        ("/item?app=1&code=%C0%AF", "invalid_parameter", "code"),
        ("/item?app=1&code=%ED%A0%80", "invalid_parameter", "code"),
        ("/item?app=%ff&code=1", "invalid_parameter", "app"),
        (f"/item?app=1&code={'x' * 8193}", "invalid_parameter", "code"),
        ("/item?app=1&code=2&" + "&".join(f"x{n}=1" for n in range(99)), "invalid_parameter", ""),
        ("/items/%ff", "invalid_parameter", "id"),
        ("/items/a%00b", "invalid_parameter", "id"),
        ("/items/%20", "missing_parameter", "id"),
        ("/items/1?id=2", "repeated_parameter", "id"),
    ],
)
@pytest.mark.threat("A7", "D45")
async def test_query_is_refused(edge: Edge, target: str, kind: str, parameter: str) -> None:
    answer = await edge.get(target)
    assert (answer.json["kind"], answer.json["parameter"]) == (kind, parameter)
    assert answer.status == 400
    assert "SECRETVALUE" not in answer.json["reason"]


@pytest.mark.threat("A7")
async def test_path_and_query_may_agree(edge: Edge) -> None:
    assert (await edge.get("/items/1?id=1&code=2")).json["data"] == {"id": "1", "code": "2"}


@pytest.mark.threat("A7")
async def test_body_and_query_may_agree_and_not_differ(edge: Edge) -> None:
    assert (await edge.form("/item?app=1", "app=1&code=2")).json["data"]["code"] == "2"
    for answer in (
        await edge.form("/item?app=1", "app=2&code=2"),
        await edge.json("/item?app=1", '{"app":"2","code":"2"}'),
        await edge.ask(
            "POST", "/item?app=1", multipart(app="2", code="2"), "multipart/form-data; boundary=b"
        ),
    ):
        assert (answer.json["kind"], answer.json["parameter"]) == ("repeated_parameter", "app")


@pytest.mark.threat("A7")
async def test_one_place_only_where_a_route_says_so(edge: Edge) -> None:
    part = multipart(id="1"), "multipart/form-data; boundary=b"
    for answer in (
        await edge.form("/once?id=1", "id=1"),
        await edge.json("/once?id=1", '{"id":"1"}'),
        await edge.ask("POST", "/once?id=1", *part),
    ):
        assert (answer.json["kind"], answer.json["parameter"]) == ("repeated_parameter", "id")
    assert (await edge.form("/once?code=1", "id=1")).json["data"] == {"id": "1", "code": "1"}


@pytest.mark.threat("A7")
async def test_query_does_not_count_where_it_is_not_declared(edge: Edge) -> None:
    answer = await edge.form("/form?app=1&code=2", "code=3")
    assert (answer.json["kind"], answer.json["parameter"]) == ("missing_parameter", "app")


@pytest.mark.parametrize(
    "content_type", [FORM, FORM.upper(), f"{FORM}; charset=UTF-8", f'{FORM};charset="utf-8"']
)
async def test_form(edge: Edge, content_type: str) -> None:
    answer = await edge.ask("POST", "/form", "app=1&code=%E4%BB%A4+牌&count=3".encode(), content_type)
    assert answer.json["data"]["code"] == "令 牌"
    assert answer.json["data"]["count"] == 3


async def test_multipart_without_files(edge: Edge) -> None:
    answer = await edge.ask(
        "POST", "/form", multipart(app="1", code="令牌", x="y"), "multipart/form-data; boundary=b"
    )
    assert answer.json["data"]["code"] == "令牌"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (multipart(app="1", code="2") + multipart(app="1"), "missing_parameter"),
        (PART.format("app", "1").encode() * 2 + b"--b--\r\n", "repeated_parameter"),
        (PART.format("app", "1").encode(), "malformed_body"),
        (b"app=1&code=2", "malformed_body"),
        (
            b'--b\r\ncontent-disposition: form-data; name="app"; filename="x"\r\n\r\n1\r\n--b--\r\n',
            "malformed_body",
        ),
        (b'--b\r\ncontent-disposition: form-data; name="app"\r\n\r\n\xff\r\n--b--\r\n', "malformed_body"),
        (multipart(app="\0", code="1"), "invalid_parameter"),
        (multipart(app="x" * 8193, code="1"), "invalid_parameter"),
        (PART.format("x", "1").encode() * 101 + b"--b--\r\n", "malformed_body"),
    ],
)
async def test_multipart_that_is_not_one(edge: Edge, body: bytes, kind: str) -> None:
    answer = await edge.ask("POST", "/form", body, "multipart/form-data; boundary=b")
    if kind == "missing_parameter":  # what follows the closing boundary is an epilogue, which says nothing
        assert answer.status == 200
    else:
        assert (answer.status, answer.json["kind"]) == (400, kind)


async def test_mislabelled_form_only_where_declared(edge: Edge) -> None:
    assert (await edge.ask("POST", "/item", b"app=1&code=2", "multipart/form-data")).status == 200
    assert (await edge.ask("POST", "/form", b"app=1&code=2", "multipart/form-data")).status == 415


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/strict", "multipart/form-data; boundary=b"),
        ("/strict", "application/json"),
        ("/form", "application/json"),
        ("/json", FORM),
        ("/json", "text/json"),
        ("/json", "application/json; charset=utf-16"),
        ("/form", f"{FORM}; charset=utf-16"),
        ("/form", "text/plain"),
        ("/form", ""),
        ("/form", ";;;=,"),
        ("/form", None),
    ],
)
@pytest.mark.threat("D35")
async def test_other_media_types_are_refused(edge: Edge, path: str, content_type: str | None) -> None:
    answer = await edge.ask("POST", path, b"app=1&code=2", content_type)
    assert (answer.status, answer.json["kind"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("header", [("content-encoding", "gzip"), ("content-encoding", "br")])
@pytest.mark.threat("D35")
async def test_codings_are_refused(edge: Edge, header: tuple[str, str]) -> None:
    answer = await edge.ask("POST", "/form", b"app=1&code=2", FORM, headers=[header])
    assert answer.status == 415


async def test_a_body_that_the_route_does_not_take_is_left_alone(edge: Edge) -> None:
    answer = await edge.ask("POST", "/query?app=1&code=2", b"\xff\xff", "text/plain")
    assert answer.status == 200


async def test_no_body_needs_no_media_type(edge: Edge) -> None:
    assert (await edge.ask("POST", "/item?app=1&code=2")).status == 200


async def test_json_keeps_its_types(edge: Edge) -> None:
    answer = await edge.json(
        "/json", '{"app":"1","code":"2","count":3,"flag":true,"kind":"b","x":[1,{"y":null}]}'
    )
    assert answer.json["data"] == {"app": "1", "code": "2", "count": 3, "flag": True, "kind": "b", "name": ""}


async def test_json_next_to_path_and_query(edge: Edge) -> None:
    answer = await edge.json("/item?count=7&flag=1", '{"app":"1","code":"2"}')
    assert answer.json["data"]["count"] == 7
    assert answer.json["data"]["flag"] is True
    assert (await edge.json("/items/9", '{"code":"2"}')).json["data"] == {"id": "9", "code": "2"}


@pytest.mark.parametrize(
    ("body", "kind", "parameter"),
    [
        ('{"code":"1"}', "missing_parameter", "app"),
        ('{"app":null,"code":"1"}', "missing_parameter", "app"),
        ('{"app":" ","code":"1"}', "missing_parameter", "app"),
        ('{"app":1,"code":"1"}', "invalid_parameter", "app"),
        ('{"app":["1"],"code":"1"}', "invalid_parameter", "app"),
        ('{"app":"1","code":"1","count":"3"}', "invalid_parameter", "count"),
        ('{"app":"1","code":"1","count":3.5}', "invalid_parameter", "count"),
        ('{"app":"1","code":"1","count":true}', "invalid_parameter", "count"),
        ('{"app":"1","code":"1","flag":1}', "invalid_parameter", "flag"),
        ('{"app":"1","app":"1","code":"1"}', "repeated_parameter", "app"),
        ('{"app":"1","code":"1","x":{"y":1,"y":2}}', "repeated_parameter", "y"),
        ('{"app":"\\u0000","code":"1"}', "malformed_body", ""),
        ('{"app":"\\ud800","code":"1"}', "malformed_body", ""),
        ('{"app":"1","code":"1","x":["\\udc00"]}', "malformed_body", ""),
        ('{"app":"\0","code":"1"}', "malformed_body", ""),
        ('{"app":NaN,"code":"1"}', "malformed_body", ""),
        ('{"app":1e999,"code":"1"}', "malformed_body", ""),
        ('{"app":' + "9" * 5000 + ',"code":"1"}', "malformed_body", ""),
        ("[" * 30000, "malformed_body", ""),
        ('{"a":' * 10000, "malformed_body", ""),
        ("[]", "malformed_body", ""),
        ('"x"', "malformed_body", ""),
        ("{}{}", "malformed_body", ""),
        ("{'app':1}", "malformed_body", ""),
        ("{", "malformed_body", ""),
        ("{" + ",".join(f'"x{n}":1' for n in range(101)) + "}", "malformed_body", ""),
    ],
)
@pytest.mark.threat("D45")
async def test_json_is_refused(edge: Edge, body: str, kind: str, parameter: str) -> None:
    answer = await edge.json("/json", body)
    assert (answer.status, answer.json["kind"], answer.json["parameter"]) == (400, kind, parameter)


@pytest.mark.threat("D45")
async def test_json_surrogate_pairs_are_fine(edge: Edge) -> None:
    answer = await edge.json("/json", '{"app":"\\ud83d\\ude00","code":"\\u4ee4"}')
    assert answer.json["data"]["app"] == "😀"


@pytest.mark.parametrize(
    "body", [b"\xff", b'{"app":"\xc0\xaf","code":"1"}', b'{"app":"\xed\xa0\x80","code":"1"}']
)
@pytest.mark.threat("D45")
async def test_bodies_that_are_not_utf8(edge: Edge, body: bytes) -> None:
    assert (await edge.json("/json", body)).json["kind"] == "malformed_body"
    assert (await edge.form("/form", body)).json["kind"] == "malformed_body"


@pytest.mark.threat("D45")
async def test_form_values_are_checked_like_the_query(edge: Edge) -> None:
    for body, kind in (
        ("app=1&app=1&code=2", "repeated_parameter"),
        ("app=%00&code=2", "invalid_parameter"),
        ("app=\0&code=2", "invalid_parameter"),
        ("app=%C0%80&code=2", "invalid_parameter"),
        ("app=&code=2", "missing_parameter"),
        ("&".join(f"x{n}=1" for n in range(101)), "invalid_parameter"),
    ):
        assert (await edge.form("/form", body)).json["kind"] == kind
