"""The lean way and the ordinary one give the same answers, byte for byte, to whatever comes (A7, D36, D48, G70)."""

import asyncio
import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lingpai.core.wire import Call
from lingpai.edge import EdgeOptions, create_app, plain
from lingpai.edge.heads import Head
from lingpai.edge.lean import LeanProtocol
from lingpai.edge.plain import MOST_PEERS, PlainHeads, read_plain, weight_of
from lingpai.edge.protocol import GuardedProtocol, ProtocolLimits
from lingpai.edge.server import Serving
from tests.edge.world import FALLBACK, MAIN, ROUTES, World, app_of, request, route, running

FORM = "application/x-www-form-urlencoded"
VARYING = re.compile(rb"date: [^\r]+|[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
LIMITS = ProtocolLimits(head_bytes=1500)
OPTIONS = EdgeOptions(body_limit=500, body_timeout=0.05)
SAME = settings(
    max_examples=500,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def protocols(serving: Serving) -> list[Any]:
    return [each for server in serving._servers for each in server.server_state.connections]


async def told(world: World, segments: tuple[bytes, ...]) -> bytes:
    """All that a connection says to `segments`, until nothing more comes; without what differs each time."""
    async with world.wire() as wire:
        for segment in segments:
            await wire.send(segment)
            for _ in range(3):  # so that the server sees the segments apart
                await asyncio.sleep(0)
        said = b""
        while True:
            try:
                part = await asyncio.wait_for(wire.reader.read(65536), 0.02)
            except TimeoutError:
                if not any(each._phase.name == "BUSY" for each in protocols(world.serving)):
                    break
                continue
            except ConnectionError:
                break
            if not part:
                said += b"<end>"
                break
            said += part
        return VARYING.sub(b"", said)


class Lab(NamedTuple):
    """Both ways, side by side."""

    runner: asyncio.Runner
    lean: World
    ordinary: World

    def check(self, *segments: bytes) -> None:
        async def ask() -> tuple[bytes, ...]:
            # The first time a head is read, the second time it is learnt, the third time it is known.
            return tuple(
                await asyncio.gather(*(told(world, segments) for world in (self.ordinary, *[self.lean] * 3)))
            )

        ordinary, *lean = self.runner.run(ask())
        assert lean == [ordinary] * 3


@pytest.fixture
def lab() -> Iterator[Lab]:
    stack = contextlib.AsyncExitStack()
    ordinary = EdgeOptions(body_limit=OPTIONS.body_limit, body_timeout=OPTIONS.body_timeout, lean=False)
    with asyncio.Runner() as runner:
        worlds = [
            runner.run(stack.enter_async_context(running(app_of(options), LIMITS)))
            for options in (OPTIONS, ordinary)
        ]
        yield Lab(runner, *worlds)
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
def test_g70_one_message(lab: Lab, message: bytes) -> None:
    lab.check(message)


@SAME
@given(mutated())
def test_g70_nearly_good_messages(lab: Lab, message: bytes) -> None:
    lab.check(message)


@SAME
@given(st.lists(st.one_of(messages(), st.just(request("GET", "/call"))), min_size=2, max_size=4), st.data())
def test_g70_several_messages_cut_anywhere(lab: Lab, parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=3), label="cuts"))
    lab.check(*(whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if a < b))


@pytest.mark.parametrize(
    "rest",
    [
        b"GET /call HTTP/1.1\r\nhost: x\r\n\r\n",  # what looks whole is the value of a header
        request("POST", "/form", b"app=1&code=2", FORM),
    ],
)
def test_g70_what_looks_like_a_request_inside_of_another_is_none(lab: Lab, rest: bytes) -> None:
    lab.check(request("GET", "/call") + b"GET /item HTTP/1.1\r\nx: ", rest)
    lab.check(b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 300\r\n\r\n", rest)
    lab.check(
        request("GET", "/call"), b"POST /form HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n", rest
    )


async def test_the_lean_way_is_taken_and_one_setting_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary: list[bytes] = []

    def note(protocol: GuardedProtocol, data: bytes) -> None:
        ordinary.append(data)
        protocol.transport.close()

    monkeypatch.setattr(GuardedProtocol, "data_received", note)
    async with running(app_of()) as world:
        assert (await world.get("/call")).status == 200
        assert (await world.form("/form", "app=1&code=2")).status == 200
        assert not ordinary
    async with running(app_of(EdgeOptions(lean=False))) as world, world.wire() as wire:
        await wire.send(request("GET", "/call"))
        assert await wire.closed()
        assert ordinary == [request("GET", "/call")]


def find(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    return (path, {}) if method in {"GET", "POST"} else None


def test_heads_that_come_once_are_not_kept() -> None:
    heads = PlainHeads(find, 1500)
    once = request("GET", "/call?token=once")
    assert heads.match(once) is not None
    assert once not in heads._known
    again = request("GET", "/call?token=again")
    first, second, third = (heads.match(again) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first[0] is not second[0]
    assert second[0] is third[0]


@pytest.mark.parametrize(
    "special",
    [
        request("HEAD", "/call"),
        request("GET", "/call", headers=[("connection", "close")]),
        request("GET", "/call", headers=[("expect", "100-continue")]),
        request("GET", "/call", headers=[("connection", "upgrade"), ("upgrade", "websocket")]),
        request("GET", "/call").replace(b"1.1", b"1.0"),
        request("GET", "/call") + b"\r\n",
        request("GET", "/call")[:-1],
        request("GET", "/call") * 2,
        request("POST", "/form", b"x", FORM)[:-1],
        request("POST", "/form", b"x", FORM) + b"x",
        request("GET", "/call", headers=[("x", "y" * 1500)]),
    ],
)
def test_what_is_not_one_plain_message_is_left_alone(special: bytes) -> None:
    heads = PlainHeads(find, 1500)
    assert [heads.match(special) for _ in range(3)] == [None, None, None]
    assert read_plain(request("GET", "/call"), find) is not None


class Counting:
    """A verb that lets the edge answer again, until it is told that something has changed."""

    def __init__(self) -> None:
        self.asked = self.repeated = 0
        self.changed = self.broken = False

    async def verb(self, _params: Any, call: Call) -> Any:
        self.asked += 1
        call.again = self.again
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
    async with running(create_app(routes, FALLBACK, options)) as world:
        yield counting, world


async def test_an_answer_is_given_again_until_something_changes() -> None:
    async with counting() as (verb, world), world.wire() as wire:
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
    async with counting() as (verb, world):
        for _ in range(4):
            await world.ask("POST", "/count", b"a=1", FORM)  # a body is not looked at before it is read
            await world.ask("GET", f"/count?{verb.asked}")
            await world.ask("HEAD", "/count")
        assert (verb.asked, verb.repeated) == (12, 0)


async def test_with_a_log_line_for_each_success_every_verb_is_asked() -> None:
    async with counting(EdgeOptions(log_successes=True)) as (verb, world):
        for _ in range(4):
            await world.get("/count")
        assert (verb.asked, verb.repeated) == (4, 0)


async def test_what_comes_early_waits_for_the_answer_before_it() -> None:
    go_on, started = asyncio.Event(), asyncio.Event()

    async def wait(_params: Any, _call: Call) -> str:
        started.set()
        await go_on.wait()
        return "waited"

    async with running(create_app([route("/wait", wait), *ROUTES], FALLBACK)) as world, world.wire() as wire:
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


async def test_a_slow_reader_holds_up_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(app_of()) as world, world.wire() as wire:
        await wire.send(request("GET", "/call"))
        await wire.answer()
        (protocol,) = protocols(world.serving)
        assert isinstance(protocol, LeanProtocol)
        protocol.pause_writing()
        await wire.send(request("GET", "/call"))
        while not protocol._answering:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)
        await wire.send(request("GET", "/call"))
        assert (await world.get("/call")).status == 200  # on another line
        assert protocol._answering
        protocol.resume_writing()
        assert [(await wire.answer()).status for _ in range(2)] == [200, 200]


async def test_the_end_cuts_no_answer_short_that_waits_for_its_reader() -> None:
    async with running(app_of()) as world, world.wire() as wire:
        await wire.send(request("GET", "/call"))
        await wire.answer()
        (protocol,) = protocols(world.serving)
        protocol.pause_writing()
        await wire.send(request("GET", "/call"))
        while not (protocol._answering and protocol._task.get_coro().cr_await):  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)
        protocol._last = True
        protocol._task.cancel()
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await wire.closed()


async def test_who_leaves_before_the_answer_harms_nobody() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def slow(_params: Any, _call: Call) -> str:
        started.set()
        await asyncio.sleep(0.05)
        ended.set()
        return "done"

    async with running(create_app([route("/slow", slow, shape=MAIN)], FALLBACK)) as world:
        async with world.wire() as wire:
            await wire.send(request("GET", "/slow"))
            await started.wait()
        await ended.wait()
        (state,) = {
            id(server.server_state): server.server_state for server in world.serving._servers
        }.values()
        while state.tasks or state.connections:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)


def test_what_one_peer_was_told_is_not_told_another() -> None:
    (plain, _body) = PlainHeads(find, 1500).match(request("GET", "/call")) or pytest.fail("it is plain")
    tellers: dict[str, Any] = {f"peer {n}": lambda n=n: n for n in range(2 * MOST_PEERS)}
    for peer, again in tellers.items():
        assert plain.again(peer) is None
        plain.keep(peer, again)
        assert plain.again(peer) is again
    kept = [peer for peer, again in tellers.items() if plain.again(peer) is again]
    assert 1 < len(kept) <= MOST_PEERS + 1
    for peer in kept:
        plain.forget(peer)
    assert not any(map(plain.again, tellers))


def test_what_is_told_again_says_the_same_when_it_is_read_again() -> None:
    heads = PlainHeads(find, 1500)
    raw = request(
        "GET", "/call?token=one&two=%20", headers=[("Authorization", "Bearer x"), ("if-none-match", "y")]
    )
    (plain, _body) = [heads.match(raw) for _ in range(3)][-1] or pytest.fail("it is plain")
    before = plain.head
    plain.keep("peer", lambda: None)
    assert plain.head is not before
    assert plain.head is plain.head
    assert all(getattr(plain.head, name) == getattr(before, name) for name in Head.__slots__)


def test_remembered_heads_take_a_bounded_memory_and_leave_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = PlainHeads(app_of().find, 2048)
    sent = [request("GET", "/call", headers=[("x", str(number))]) for number in range(100)]
    monkeypatch.setattr(plain, "MOST_WEIGHT", 10 * weight_of(sent[0]))
    for head in sent:
        for _ in range(2):
            assert heads.match(head) is not None
    kept = [head for head in sent if head in heads._known]
    assert kept == sent[-len(kept) :]
    assert 8 <= len(kept) <= 10
    assert heads._weight == sum(map(weight_of, kept))


def test_a_head_of_many_lines_is_answered_and_not_remembered() -> None:
    heads = PlainHeads(app_of().find, 2048)
    for lines, known in ((20, True), (380, False)):
        head = request("GET", "/call", headers=[("a", "")] * lines)
        for _ in range(3):
            assert heads.match(head) is not None
        assert (head in heads._known) is known
