"""Routes that stream: bodies read as they come, answers sent as they are made, and whoever goes away ends his verb."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call, Reply, StreamedReply, StreamedRequest, Streams
from lingpai.edge.app import EdgeApp, create_app
from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.streaming import MOST_UNREAD
from tests.edge.running_edge import FALLBACK, OTHER, ROUTES, Wire, request, route, running

BIG = 3 * 2**20
LIMITS = Streams(body_limit=BIG, stall=5)
PIECE = bytes(range(256)) * 64
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Pieces:
    """The pieces of an answer, and how they ended."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.closed = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def aclose(self) -> None:
        self.closed.set()


async def these(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def reply_of(pieces: AsyncIterator[bytes], **more: Any) -> StreamedReply:
    return StreamedReply(
        b"", more.pop("status", 200), "application/octet-stream", (), chunks=Pieces(pieces), **more
    )


def streamed(call: Call) -> StreamedRequest:
    assert call.streamed is not None
    return call.streamed


async def count(_params: Any, call: Call) -> Any:
    """Say what came."""
    asked = streamed(call)
    parts = [part async for part in asked.body]
    assert b"".join(parts) == b"x" * sum(map(len, parts))
    return {
        "method": asked.method,
        "target": asked.target.decode(),
        "length": asked.length,
        "got": sum(map(len, parts)),
    }


async def echo(_params: Any, call: Call) -> Reply:
    """Send each piece back as it comes."""
    asked = streamed(call)
    return reply_of(asked.body, length=asked.length)


async def refuse(_params: Any, call: Call) -> Reply:
    call.shape = OTHER
    raise LingpaiError(Kind.NOT_ALLOWED, "no")


def app_of(verbs: Mapping[str, Callable[[Any, Call], Awaitable[Any]]], limits: Streams = LIMITS) -> EdgeApp:
    methods = ("GET", "HEAD", "POST", "PUT")
    return create_app(
        [
            *(
                route(f"/{name}/{{rest:path}}", verb, *methods, streams=limits)
                for name, verb in verbs.items()
            ),
            *ROUTES,
        ],
        FALLBACK,
    )


ALL: Mapping[str, Callable[[Any, Call], Awaitable[Any]]] = {"count": count, "echo": echo, "refuse": refuse}


def chunked(target: str, *pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = f"POST {target} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


async def chunks_of(wire: Wire) -> bytes:
    """Read a head and a chunked body."""
    async with asyncio.timeout(10):
        head = await wire.reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        body = b""
        while size := int(await wire.reader.readline(), 16):
            body += await wire.reader.readexactly(size)
            assert await wire.reader.readline() == b"\r\n"
        assert await wire.reader.readline() == b"\r\n"
        return body


async def test_a_verb_gets_the_request_as_it_came() -> None:
    target = "/count/a%20b/?x=1&y=%2f&access_token=z"
    async with running(app_of(ALL)) as edge, edge.wire() as wire:
        for _ in range(3):  # parsed, learnt, known
            await wire.send(request("POST", target, b"xx"))
            assert (await wire.answer()).json["data"] == {
                "method": "POST",
                "target": target,
                "length": 2,
                "got": 2,
            }
            await wire.send(request("GET", target))
            assert (await wire.answer()).json["data"] == {
                "method": "GET",
                "target": target,
                "length": 0,
                "got": 0,
            }
        await wire.send(chunked(target, b"x", b"xx"))
        assert (await wire.answer()).json["data"] == {
            "method": "POST",
            "target": target,
            "length": None,
            "got": 3,
        }


async def test_pieces_go_back_before_the_next_ones_come() -> None:
    async with running(app_of(ALL)) as edge, edge.wire() as wire:
        for _ in range(2):
            await wire.send(
                request("POST", "/echo/", headers=[("content-length", "6")]).replace(
                    b"content-length: 0\r\n", b""
                )
            )
            await wire.send(b"abc")
            assert (await wire.reader.readuntil(b"\r\n\r\n")).count(b"content-length: 6\r\n") == 1
            assert await wire.reader.readexactly(3) == b"abc"
            await wire.send(b"def")
            assert await wire.reader.readexactly(3) == b"def"


async def test_a_chunked_body_comes_back_in_chunks_and_the_connection_goes_on() -> None:
    async with running(app_of(ALL)) as edge, edge.wire() as wire:
        for _ in range(2):
            await wire.send(chunked("/echo/", b"abc", PIECE, b"d"))
            assert await chunks_of(wire) == b"abc" + PIECE + b"d"
        await wire.send(request("GET", "/call"))
        assert (await wire.answer()).status == 200


async def test_requests_in_one_piece_are_answered_in_order() -> None:
    async with running(app_of(ALL)) as edge, edge.wire() as wire:
        await wire.send(
            request("POST", "/count/", b"x" * 5) + chunked("/count/", b"xx") + request("GET", "/call")
            + request("POST", "/count/", b"x" * 9)[:-4]
        )  # fmt: skip
        assert (await wire.answer()).json["data"]["got"] == 5
        assert (await wire.answer()).json["data"]["got"] == 2
        assert "peer" in (await wire.answer()).json["data"]
        await wire.send(b"x" * 4)
        assert (await wire.answer()).json["data"]["got"] == 9


async def test_a_peer_of_http_1_0_gets_no_chunks() -> None:
    async with running(app_of(ALL)) as edge, edge.wire() as wire:
        await wire.send(b"GET /echo/ HTTP/1.0\r\ncontent-length: 0\r\n\r\n")
        assert b"transfer-encoding" not in await wire.reader.readuntil(b"\r\n\r\n")
        assert await wire.closed()

    async def unknown(_params: Any, _call: Call) -> Reply:
        return reply_of(these(b"ab", b"", b"c"))

    async with running(app_of({"x": unknown})) as edge, edge.wire() as wire:
        await wire.send(b"GET /x/ HTTP/1.0\r\n\r\n")
        assert (await wire.reader.read()).endswith(b"connection: close\r\n\r\nabc")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_answers_without_a_body_end_with_their_head(method: str, status: int) -> None:
    async def verb(_params: Any, _call: Call) -> Reply:
        return reply_of(these(b"abc"), length=3, status=status, raw=((b"etag", b'"\xe4"'),))

    async with running(app_of({"x": verb})) as edge, edge.wire() as wire:
        for _ in range(2):
            await wire.send(request(method, "/x/"))
            answer = await wire.answer("HEAD")
            assert (answer.status, answer.headers["etag"]) == (status, '"ä"')
            assert answer.headers.get("content-length") == ("3" if method == "HEAD" else None)


async def test_who_expects_to_be_asked_is_asked_when_the_body_is_read() -> None:
    head = b"POST /%b/ HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
    async with running(app_of(ALL)) as edge:
        async with edge.wire() as wire:
            await wire.send(head % b"count")
            assert await wire.reader.readexactly(len(CONTINUE)) == CONTINUE
            await wire.send(b"xxx")
            assert (await wire.answer()).json["data"]["got"] == 3
            assert await wire.closed()
        async with edge.wire() as wire:
            await wire.send(head % b"refuse")
            assert (await wire.answer()).status == 403


async def test_a_refusal_without_reading_keeps_the_connection_in_the_shape_that_the_verb_names() -> None:
    async with running(app_of(ALL)) as edge, edge.wire() as wire:
        await wire.send(request("POST", "/refuse/", b"x" * 100_000))
        answer = await wire.answer()
        assert (answer.status, answer.json["shape"]) == (403, "other")
        await wire.send(request("GET", "/call"))
        assert (await wire.answer()).status == 200


@pytest.mark.parametrize("known", [True, False])
async def test_a_body_over_the_limit_is_413(known: bool) -> None:
    async with running(app_of(ALL, Streams(1000, 5))) as edge, edge.wire() as wire:
        body = b"x" * 1001
        await wire.send(
            request("POST", "/count/", body) if known else chunked("/count/", body[:600], body[600:])
        )
        assert (await wire.answer()).status == 413
        await wire.send(request("POST", "/count/", body[:1000]))
        assert (await wire.answer()).json["data"]["got"] == 1000


async def test_a_body_that_stalls_is_408() -> None:
    async with running(app_of(ALL, Streams(1000, 0.05))) as edge, edge.wire() as wire:
        await wire.send(request("POST", "/count/", b"xxx")[:-1])
        assert (await wire.answer()).status == 408
        assert await wire.closed()


async def test_a_broken_chunk_is_400_and_ends_the_verb() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def verb(_params: Any, call: Call) -> Any:
        begun.set()
        try:
            return [part async for part in streamed(call).body]
        finally:
            ended.set()

    async with running(app_of({"x": verb})) as edge, edge.wire() as wire:
        await wire.send(chunked("/x/", b"abc", end=b""))
        await begun.wait()
        await wire.send(b"zz\r\n")
        assert (await wire.answer()).status == 400
        await ended.wait()
        assert await wire.closed()


async def test_what_is_broken_from_the_start_is_400() -> None:
    async with running(app_of(ALL)) as edge, edge.wire() as wire:
        await wire.send(chunked("/count/", b"abc", end=b"zz\r\n"))
        assert (await wire.answer()).status == 400
        assert await wire.closed()


async def test_a_broken_chunk_behind_half_an_answer_cuts_the_connection() -> None:
    async with running(app_of(ALL)) as edge, edge.wire() as wire:
        await wire.send(chunked("/echo/", b"abc", end=b""))
        await wire.reader.readuntil(b"\r\nabc\r\n")
        await wire.send(b"zz\r\n")
        assert await wire.closed()


async def test_a_reader_that_is_slow_makes_the_sender_wait() -> None:
    """What is kept of an upload that nobody reads is what the sockets have, and a little."""
    read = asyncio.Event()

    async def wait(_params: Any, call: Call) -> int:
        await read.wait()
        return sum([len(part) async for part in streamed(call).body])

    async with running(app_of({"x": wait})) as edge, edge.wire() as wire:
        sending = asyncio.create_task(wire.send(request("POST", "/x/", b"x" * BIG)))
        (line,) = await lines_of(edge)
        await until(lambda: line._read_paused)
        stream = line._receiver.stream
        assert stream is not None
        assert stream._unread <= MOST_UNREAD + 256 * 1024
        read.set()
        assert (await wire.answer()).json["data"] == BIG
        await sending


async def lines_of(edge: Any) -> list[Any]:
    await until(edge.connections)
    return list(edge.connections())


async def until(met: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not met():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0)


async def test_a_peer_that_takes_its_answer_slowly_makes_the_verb_wait() -> None:
    made = 0
    paused = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        nonlocal made
        while made < 4 * BIG:
            made += len(PIECE)
            yield PIECE

    async def verb(_params: Any, _call: Call) -> Reply:
        return reply_of(endless(), length=4 * BIG)

    async with running(app_of({"x": verb})) as edge, edge.wire() as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send(request("GET", "/x/"))
        (line,) = await lines_of(edge)
        await until(lambda: line.write_paused)
        before = made
        for _ in range(50):
            await asyncio.sleep(0)
        assert before < 4 * BIG
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        answer = await wire.answer()
        assert answer.body == PIECE * (4 * BIG // len(PIECE))
        paused.set()


async def test_a_peer_that_takes_nothing_is_cut_off_and_its_verb_ends() -> None:
    reply = reply_of(forever())

    async def verb(_params: Any, _call: Call) -> Reply:
        return reply

    limits = ProtocolLimits(write_timeout=5)
    async with running(app_of({"x": verb}), limits) as edge, edge.wire() as wire:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send(request("GET", "/x/"))
        (line,) = await lines_of(edge)
        await until(lambda: line.write_paused)
        edge.sweep(5)
        async with asyncio.timeout(5):
            await closed_of(reply).wait()


async def forever() -> AsyncIterator[bytes]:
    while True:
        yield PIECE


def closed_of(reply: StreamedReply) -> asyncio.Event:
    assert isinstance(reply.chunks, Pieces)
    return reply.chunks.closed


@pytest.mark.parametrize("how", ["close", "half", "reset"])
async def test_a_peer_that_goes_away_ends_the_verb(how: str) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(_params: Any, _call: Call) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with running(app_of({"x": wait})) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/x/"))
        await begun.wait()
        if how == "close":
            wire.writer.close()
        elif how == "half":
            wire.writer.write_eof()
        else:
            wire.writer.transport.abort()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_body_that_ends_early_ends_the_verb() -> None:
    ended = asyncio.Event()

    async def verb(_params: Any, call: Call) -> Any:
        try:
            return [part async for part in streamed(call).body]
        finally:
            ended.set()

    async with running(app_of({"x": verb})) as edge, edge.wire() as wire:
        await wire.send(request("POST", "/x/", b"xxx")[:-1])
        await lines_of(edge)
        wire.writer.write_eof()
        async with asyncio.timeout(5):
            await ended.wait()
        assert await wire.closed()


@pytest.mark.parametrize("length", [None, 7])
async def test_an_answer_that_breaks_off_cuts_the_connection(
    length: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"abc"
        raise OSError("secret=abc")

    reply = reply_of(broken(), length=length)

    async def verb(_params: Any, _call: Call) -> Reply:
        return reply

    async with running(app_of({"x": verb})) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/x/"))
        await wire.reader.readuntil(b"\r\nabc")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await wire.reader.readuntil(b"0\r\n\r\n")
        await closed_of(reply).wait()
    lines: list[Any] = [each.msg for each in caplog.records if isinstance(each.msg, dict)]
    (crash,) = [each for each in lines if each["event"] == "crash"]
    assert isinstance(crash["exc_info"], OSError)


@pytest.mark.parametrize("pieces", [(b"ab",), (b"ab", b"cd")])
async def test_an_answer_of_another_length_than_it_says_cuts_the_connection(
    pieces: tuple[bytes, ...],
) -> None:
    async def verb(_params: Any, _call: Call) -> Reply:
        return reply_of(these(*pieces), length=3)

    async with running(app_of({"x": verb})) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/x/"))
        await wire.reader.readuntil(b"\r\nab")
        assert await wire.closed()


async def test_the_end_of_the_server_cuts_what_is_still_sent() -> None:
    reply = reply_of(forever())

    async def verb(_params: Any, _call: Call) -> Reply:
        return reply

    async with running(app_of({"x": verb}), grace=0) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/x/"))
        await wire.reader.readuntil(b"\r\n\r\n")
        edge.serving.stop()
        async with asyncio.timeout(10):
            await closed_of(reply).wait()
