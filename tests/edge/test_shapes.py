"""Every answer in the shape of its route or prefix, whatever happened (I83)."""

import asyncio
import logging
from typing import Any
from uuid import UUID

import pytest

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Reply
from lingpai.edge.app import create_app
from lingpai.edge.options import EdgeOptions
from lingpai.edge.server import StartFailedError
from tests.edge.running_edge import (
    FALLBACK,
    MAIN,
    ROUTES,
    Edge,
    NamedShape,
    app_of,
    crash,
    echo,
    request,
    route,
    running,
)


async def test_success_carries_the_usual_headers(edge: Edge) -> None:
    answer = await edge.get("/other/thing")
    assert answer.json["shape"] == "other"
    assert answer.headers["trace-id"] == answer.json["trace"]
    assert UUID(answer.headers["trace-id"]).version == 1
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        ("/nothing", "main"),
        ("/", "main"),
        ("/other", "other"),
        ("/other/thing/", "other"),
        ("/other/deep/x", "deep"),
        ("//item?app=1&code=2", "main"),
        ("/item/", "main"),
        ("/ITEM", "main"),
        ("/items/1/2", "main"),
        ("/items/%2e%2e%2f", "main"),
        ("/%00", "main"),
        ("/%ff%fe", "main"),
    ],
)
@pytest.mark.threat("I83")
async def test_unrouted_paths_answer_in_the_shape_of_their_prefix(
    edge: Edge, target: str, shape: str
) -> None:
    answer = await edge.get(target)
    assert answer.status == 404
    assert (answer.json["shape"], answer.json["kind"]) == (shape, "not_found")
    assert answer.headers["trace-id"] == answer.json["trace"]


@pytest.mark.parametrize(
    "method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "LINK", "POST", "QUERY", "SOURCE"]
)
@pytest.mark.threat("D34", "I83")
async def test_other_methods(edge: Edge, method: str) -> None:
    answer = await edge.ask(method, "/other/thing")
    assert answer.status == 405
    assert (answer.json["shape"], answer.json["kind"]) == ("other", "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_options_and_head(edge: Edge) -> None:
    options = await edge.ask("OPTIONS", "/item")
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert "content-length" not in options.headers
    head, get = await edge.ask("HEAD", "/item?app=1&code=2"), await edge.get("/item?app=1&code=2")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert (await edge.ask("OPTIONS", "/form")).headers["allow"] == "OPTIONS, POST"


@pytest.mark.threat("I83")
async def test_crash_answers_in_shape_and_is_logged_without_values(
    edge: Edge, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await edge.get("/crash")
    assert (answer.status, answer.json["kind"], answer.json["reason"]) == (500, "internal", "internal error")
    assert b"nobody may see" not in answer.body


async def test_refusal_of_a_verb(edge: Edge) -> None:
    answer = await edge.get("/refuse")
    assert (answer.status, answer.json["reason"], answer.headers["retry-after"]) == (429, "slow down", "3")
    assert b"secret" not in answer.body


@pytest.mark.threat("B21")
async def test_pages_are_guarded_and_keep_their_cookies(edge: Edge) -> None:
    async with edge.wire() as wire:
        await wire.send(request("GET", "/page"))
        head = (await wire.reader.readuntil(b"\r\n\r\n")).decode()
    assert head.count("set-cookie: ") == 2
    for line in (
        "x-frame-options: DENY",
        "referrer-policy: no-referrer",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
    ):
        assert line in head


async def test_each_answer_of_a_route_has_its_own_type_and_headers() -> None:
    """Those of JSON are kept ready for the next answer, whichever type of JSON it has."""
    bare, usual, page = "application/json", "application/json; charset=utf-8", "text/html; charset=utf-8"
    kinds = [
        (bare, "1"),
        (bare, "1"),
        (usual, "1"),
        (usual, "1"),
        (page, "1"),
        (bare, "1"),
        (bare, "2"),
        (page, "2"),
    ]
    replies = iter([Reply(b"{}", 200, kind, (("x-number", number),)) for kind, number in kinds])

    async def next_reply(_params: Any, _call: Any) -> Reply:
        return next(replies)

    async with running(create_app([route("/next", next_reply)], FALLBACK)) as edge:
        answers = [await edge.get("/next") for _ in kinds]
    assert [(each.headers["content-type"], each.headers["x-number"]) for each in answers] == kinds
    assert ["x-frame-options" in each.headers for each in answers] == [kind == page for kind, _ in kinds]


@pytest.mark.threat("A9")
async def test_a_header_cannot_be_split(edge: Edge) -> None:
    answer = await edge.get("/split")
    assert (answer.status, answer.json["kind"]) == (500, "internal")
    assert "set-cookie" not in answer.headers


async def test_not_modified_has_no_body(edge: Edge) -> None:
    answer = await edge.get("/same")
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", '"1"')
    assert "content-length" not in answer.headers


class BrokenShape(NamedShape):
    def success(self, value: Any, trace_id: str) -> Reply:
        raise ValueError("no success")

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        raise ValueError("no error")


async def test_a_broken_shape_still_answers() -> None:
    broken = BrokenShape("broken")
    async with running(create_app([route("/x", echo, shape=broken)], [("", broken)])) as edge:
        for target in ("/x", "/y"):
            answer = await edge.get(target)
            assert (answer.status, answer.body) == (500, b"internal error\n")


async def test_declarations_that_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="GET /x is declared twice"):
        create_app([route("/x", echo), route("/x", crash, "POST", "GET")], FALLBACK)
    with pytest.raises(ValueError, match="default"):
        create_app(ROUTES, [("/other", MAIN)])


async def test_lifespan_runs_in_order_and_survives_a_failing_stop() -> None:
    seen: list[str] = []

    def step(name: str) -> Any:
        async def run() -> None:
            seen.append(name)
            if name == "hang":
                await asyncio.Event().wait()
            if name == "fail":
                raise RuntimeError(name)

        return run

    app = create_app(
        ROUTES,
        FALLBACK,
        EdgeOptions(stop_timeout=0.05),
        on_start=[step("one"), step("two")],
        on_stop=[step("fail"), step("hang"), step("last")],
    )
    async with running(app) as edge:
        assert seen == ["one", "two"]
        assert (await edge.get("/call")).status == 200
    assert seen == ["one", "two", "fail", "hang", "last"]


async def test_a_failing_start_ends_the_server(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("password=hunter2hunter2")

    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(StartFailedError, match=r"^start failed: RuntimeError$"),
    ):
        async with asyncio.timeout(10), running(create_app(ROUTES, FALLBACK, on_start=[fail])):
            pass
    assert "start_failed" in caplog.text
    assert "hunter2" not in caplog.text


async def test_many_requests_on_one_connection(edge: Edge) -> None:
    async with edge.wire() as wire:
        await wire.send(
            request("GET", "/item?app=1&code=2") * 3 + request("POST", "/form", b"app=1&code=2", "x/y")
        )
        assert [(await wire.answer()).status for _ in range(4)] == [200, 200, 200, 415]
        await wire.send(request("GET", "/nothing"))
        assert (await wire.answer()).status == 404


async def test_what_a_verb_receives(edge: Edge) -> None:
    answer = (await edge.get("/call")).json["data"]
    assert answer == {
        "peer": "127.0.0.1",
        "bearer": None,
        "none_match": None,
        "html": False,
        "language": None,
    }
    answer = (
        await edge.get(
            "/call",
            ("Authorization", "bearer  abc"),
            ("If-None-Match", '"7"'),
            ("Accept", "text/html,*/*"),
            ("Accept-Language", "zh"),
        )
    ).json["data"]
    assert answer == {
        "peer": "127.0.0.1",
        "bearer": "abc",
        "none_match": '"7"',
        "html": True,
        "language": "zh",
    }
    for value in ("Basic abc", "Bearer", "Bearer ", ""):
        assert (await edge.get("/call", ("authorization", value))).json["data"]["bearer"] is None


@pytest.mark.threat("A7")
async def test_the_authorization_header_may_come_once(edge: Edge) -> None:
    answer = await edge.get("/call", ("authorization", "Bearer a"), ("authorization", "Bearer b"))
    assert (answer.json["kind"], answer.json["parameter"]) == ("repeated_parameter", "authorization")


@pytest.mark.threat("A16")
async def test_no_cors_unless_declared(edge: Edge) -> None:
    for answer in (
        await edge.get("/call", ("origin", "https://evil.example")),
        await edge.ask("OPTIONS", "/call", headers=[("origin", "https://evil.example")]),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_two_apps_have_their_own_fallbacks() -> None:
    async with running(app_of()) as one, running(create_app([], [("", NamedShape("empty"))])) as two:
        assert (await one.get("/")).json["shape"] == "main"
        assert (await two.get("/item")).json["shape"] == "empty"
