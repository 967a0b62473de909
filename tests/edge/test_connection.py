"""A head that is known, and one that is parsed, lead to the same answers, byte for byte, whatever comes.

And what a connection does between its requests.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lingpai.core.wire import Call
from lingpai.edge.app import create_app
from lingpai.edge.headcache import KnownHeads
from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.options import EdgeOptions
from lingpai.edge.states import Owing
from tests.edge.running_edge import FALLBACK, MAIN, ROUTES, Edge, app_of, request, route, running

FORM = "application/x-www-form-urlencoded"
VARYING = re.compile(rb"date: [^\r]+|[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
LIMITS = ProtocolLimits(head_bytes=1500)
OPTIONS = EdgeOptions(body_limit=500, body_timeout=0.05)
SAME = settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def exchange_segments(edge: Edge, segments: tuple[bytes, ...]) -> bytes:
    """All that a connection says to `segments`, until nothing more comes; without what differs each time."""
    async with edge.wire() as wire:
        for segment in segments:
            await wire.send(segment)
            for _ in range(3):  # so that the server sees the segments apart
                await asyncio.sleep(0)
        said = b""
        while True:
            try:
                part = await asyncio.wait_for(wire.reader.read(65536), 0.02)
            except TimeoutError:
                if not any(each.owing() is Owing.ANSWER for each in edge.connections()):
                    break
                continue
            except ConnectionError:
                break
            if not part:
                said += b"<end>"
                break
            said += part
        return VARYING.sub(b"", said)


class Harness(NamedTuple):
    """A server that knows heads again, and one that parses each."""

    runner: asyncio.Runner
    knowing: Edge
    parsing: Edge

    def check(self, *segments: bytes) -> None:
        async def ask() -> tuple[bytes, ...]:
            # The first time a head is read, the second time it is learnt, the third time it is known.
            return tuple(
                await asyncio.gather(
                    *(exchange_segments(edge, segments) for edge in (self.parsing, *[self.knowing] * 3))
                )
            )

        parsed, *known = self.runner.run(ask())
        assert known == [parsed] * 3


class _Parsing(KnownHeads):
    """Knows no head."""

    def match(self, data: bytes) -> None:
        """None: let it be parsed."""


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    stack = contextlib.AsyncExitStack()
    with asyncio.Runner() as runner:
        knowing = runner.run(stack.enter_async_context(running(app_of(OPTIONS), LIMITS)))
        monkeypatch.setattr("lingpai.edge.site.KnownHeads", _Parsing)
        parsing = runner.run(stack.enter_async_context(running(app_of(OPTIONS), LIMITS)))
        yield Harness(runner, knowing, parsing)
        runner.run(stack.aclose())


METHODS = st.sampled_from(["GET"] * 6 + ["POST"] * 4 + ["HEAD", "OPTIONS", "PUT", "DELETE", "FOO", "get"])
TARGETS = st.one_of(
    st.sampled_from([each.path for each in ROUTES]),
    st.sampled_from(
        [
            "/item?app=1&code=2",
            "/items/a%20b?code=1",
            "/items/%ff",
            "/items/a/b",
            "//call",
            "/call#x",
            "/call?a#b",
            "http://other/call",
            "http://other",
            "*",
            "call",
            "/other/deep/er",
            "/item?app=1&app=2",
            "/item?app=%ff&code=1",
        ]
    ),
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30).map(
        lambda text: "/item?" + text
    ),
)
GOOD_HEADERS = st.sampled_from(
    [
        "Host: x",
        "connection: close",
        "connection: keep-alive",
        "accept: text/html",
        "authorization: Bearer abc",
        "content-type: " + FORM,
        "content-type: application/json",
        "content-encoding: gzip",
        "content-length: 0",
        'if-none-match: "1"',
        "x-forwarded-for: 1.2.3.4",
    ]
)
ANY_HEADERS = st.sampled_from(
    [
        "host:x ",
        "Connection: Upgrade",
        "upgrade: websocket",
        "expect: 100-continue",
        "transfer-encoding: chunked",
        "content-length: 3",
        "content-length: +1",
        "content-length:",
        "authorization: Basic abc",
        "x: " + "y" * 700,
        "x: \xff",
        "x : y",
        " folded",
        "no colon",
        "",
    ]
)
HEADERS = st.lists(st.one_of(GOOD_HEADERS, GOOD_HEADERS, GOOD_HEADERS, ANY_HEADERS), max_size=4)
BODIES = st.sampled_from([b"", b"", b"", b"app", b"app=1&code=2", b'{"app":"1"}', b"0\r\n\r\n", b"x" * 600])
VERSIONS = st.sampled_from(["HTTP/1.1"] * 12 + ["HTTP/1.0", "HTTP/2.0", "HTTP/1.1 "])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """One request, good or not, and whether its length is right is left to chance."""
    body = draw(BODIES)
    lines = [f"{draw(METHODS)} {draw(TARGETS)} {draw(VERSIONS)}", *draw(HEADERS)]
    if body and draw(st.sampled_from([True, True, True, False])):
        lines.append(f"content-length: {len(body)}")
    end = draw(st.sampled_from(["\r\n"] * 18 + ["\n", "\r"]))
    return end.join([*lines, "", ""]).encode("latin-1") + body


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good request with a few bytes changed, added or missing."""
    good = request("POST", "/form", b"app=1&code=2", FORM, [("x-a", "b")])
    raw = bytearray(
        draw(st.sampled_from([good, request("GET", "/item?app=1&code=2"), request("GET", "/items/7")]))
    )
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        raw[at : at + draw(st.integers(0, 2))] = draw(
            st.sampled_from([b"", b"\r", b"\n", b"\r\n", b" ", b"\0", b"1", b":"])
        )
    return bytes(raw)


@SAME
@given(messages())
@example(request("GET", "/call"))
@example(request("POST", "/form", b"app=1&code=2", FORM))
@pytest.mark.threat("G70")
def test_one_message(harness: Harness, message: bytes) -> None:
    harness.check(message)


@SAME
@given(mutated())
@pytest.mark.threat("G70")
def test_nearly_good_messages(harness: Harness, message: bytes) -> None:
    harness.check(message)


@SAME
@given(st.lists(st.one_of(messages(), st.just(request("GET", "/call"))), min_size=2, max_size=4), st.data())
@pytest.mark.threat("G70")
def test_several_messages_cut_anywhere(harness: Harness, parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=3), label="cuts"))
    harness.check(*(whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if a < b))


@pytest.mark.parametrize(
    "rest",
    [
        b"GET /call HTTP/1.1\r\nhost: x\r\n\r\n",  # what looks whole is the value of a header
        request("POST", "/form", b"app=1&code=2", FORM),
    ],
)
@pytest.mark.threat("G70")
def test_what_looks_like_a_request_inside_of_another_is_none(harness: Harness, rest: bytes) -> None:
    harness.check(request("GET", "/call") + b"GET /item HTTP/1.1\r\nx: ", rest)
    harness.check(b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 300\r\n\r\n", rest)
    harness.check(
        request("GET", "/call"), b"POST /form HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", rest
    )


class Counting:
    """A verb that lets the edge answer again, until it learns that something has changed."""

    def __init__(self) -> None:
        self.asked = self.repeated = 0
        self.changed = self.broken = False

    async def verb(self, _params: Any, call: Call) -> Any:
        self.asked += 1
        call.cached_answer = self.again
        return [self.asked, call.peer]

    def again(self) -> Any:
        if self.broken:
            raise KeyError("store")
        if self.changed:
            return None
        self.repeated += 1
        return [self.asked, "again"]


@contextlib.asynccontextmanager
async def counting(options: EdgeOptions | None = None) -> Any:
    counting = Counting()
    routes = [route("/count", counting.verb, "GET", "POST")]
    async with running(create_app(routes, FALLBACK, options)) as edge:
        yield counting, edge


async def test_an_answer_is_given_again_until_something_changes() -> None:
    async with counting() as (verb, edge), edge.wire() as wire:
        traces = set()

        async def ask() -> Any:
            await wire.send(request("GET", "/count"))
            answer = await wire.answer()
            traces.add(answer.headers["trace-id"])
            return answer.json["data"]

        assert [await ask() for _ in range(4)] == [
            [1, "127.0.0.1"],
            [2, "127.0.0.1"],
            [2, "again"],
            [2, "again"],
        ]
        verb.changed = True
        assert await ask() == [3, "127.0.0.1"]
        verb.changed, verb.broken = False, True
        assert await ask() == [4, "127.0.0.1"]
        verb.broken = False
        assert await ask() == [4, "again"]
        assert len(traces) == 7


async def test_an_answer_is_given_again_only_to_the_very_same_request() -> None:
    async with counting() as (verb, edge):
        for _ in range(4):
            await edge.ask("POST", "/count", b"a=1", FORM)  # a body is not looked at before it is read
            await edge.ask("GET", f"/count?{verb.asked}")
            await edge.ask("HEAD", "/count")
        assert (verb.asked, verb.repeated) == (12, 0)


async def test_with_a_log_line_for_each_success_every_verb_is_asked() -> None:
    async with counting(EdgeOptions(log_successes=True)) as (verb, edge):
        for _ in range(4):
            await edge.get("/count")
        assert (verb.asked, verb.repeated) == (4, 0)


async def test_what_comes_early_waits_for_the_answer_before_it() -> None:
    go_on, started = asyncio.Event(), asyncio.Event()

    async def wait(_params: Any, _call: Call) -> str:
        started.set()
        await go_on.wait()
        return "waited"

    async with running(create_app([route("/wait", wait), *ROUTES], FALLBACK)) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/wait"))
        await started.wait()
        await wire.send(request("GET", "/call"))
        await wire.send(b"GET /item?app=1&")
        await wire.send(b"code=2 HTTP/1.1\r\nhost: x\r\n\r\n")
        go_on.set()
        data = [(await wire.answer()).json["data"] for _ in range(3)]
        assert data[0] == "waited"
        assert data[1]["peer"] == "127.0.0.1"
        assert data[2]["app"] == "1"


async def test_nothing_more_is_answered_for_who_does_not_read() -> None:
    async with running(app_of()) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/call"))
        await wire.answer()
        (connection,) = edge.connections()
        connection.pause_writing()
        await wire.send(request("GET", "/call"))
        await wire.send(request("GET", "/item?app=1&code=2"))
        assert (await edge.get("/call")).status == 200  # on another line
        assert connection._early
        assert connection._answered == 1
        connection.resume_writing()
        assert [(await wire.answer()).status for _ in range(2)] == [200, 200]


async def test_the_end_cuts_no_answer_short_that_waits_for_its_reader() -> None:
    go_on, started = asyncio.Event(), asyncio.Event()

    async def wait(_params: Any, _call: Call) -> str:
        started.set()
        await go_on.wait()
        return "waited"

    async with running(create_app([route("/wait", wait)], FALLBACK), grace=0) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/wait"))
        await started.wait()
        (connection,) = edge.connections()
        connection.pause_writing()
        edge.serving.stop()
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        assert await wire.closed()


async def test_a_body_that_is_on_its_way_when_the_server_ends_is_answered_so() -> None:
    async with running(app_of(), grace=0) as edge, edge.wire() as wire:
        await wire.send(request("POST", "/form", b"app=1&code=2", FORM)[:-3])
        await edge.get("/call")  # by then the server knows of the first request
        edge.serving.stop()
        answer = await wire.answer()
        assert (answer.status, answer.json["kind"]) == (503, "store_unavailable")
        assert await wire.closed()


async def test_a_request_that_breaks_off_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with running(app_of()) as edge:
        async with edge.wire() as wire:
            await wire.send(request("POST", "/form", b"app=1&code=2", FORM)[:-3])
            await edge.get("/call")
        while edge.connections():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)
        await edge.get("/call")
    lines: list[Any] = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert [(line["route"], line["error"]) for line in lines if line["event"] == "request"] == [
        ("/form", "malformed_body")
    ]


async def test_the_time_of_an_answer_begins_with_the_wait_for_its_body(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(app_of()) as edge, edge.wire() as wire:
        message = request("POST", "/form", b"app=1&code=", FORM)
        await wire.send(message[:-3])
        await edge.get("/call")  # by then the server knows of the first request
        await asyncio.sleep(0.05)
        await wire.send(message[-3:])
        assert (await wire.answer()).status == 400
    lines: list[Any] = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    (line,) = [line for line in lines if line["event"] == "request"]
    assert line["ms"] >= 50


async def test_expectations_are_met_in_the_order_of_requests() -> None:
    go_on, started = asyncio.Event(), asyncio.Event()

    async def wait(_params: Any, _call: Call) -> str:
        started.set()
        await go_on.wait()
        return "waited"

    async with running(create_app([route("/wait", wait), *ROUTES], FALLBACK)) as edge, edge.wire() as wire:
        expecting = request("POST", "/form", b"app=1&code=2", FORM, [("expect", "100-continue")])
        await wire.send(request("GET", "/wait") + expecting[: -len(b"app=1&code=2")])
        await started.wait()
        go_on.set()
        assert (await wire.answer()).json["data"] == "waited"
        assert (await wire.answer()).status == 100
        await wire.send(b"app=1&code=2")
        assert (await wire.answer()).json["data"]["app"] == "1"
        assert await wire.closed()


async def test_who_leaves_before_the_answer_harms_nobody() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def slow(_params: Any, _call: Call) -> str:
        started.set()
        await asyncio.sleep(0.05)
        ended.set()
        return "done"

    async with running(create_app([route("/slow", slow, shape=MAIN)], FALLBACK)) as edge:
        async with edge.wire() as wire:
            await wire.send(request("GET", "/slow"))
            await started.wait()
        await ended.wait()
        (state,) = {id(server.server_state): server.server_state for server in edge.serving._servers}.values()
        while state.tasks or state.connections:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)
