"""The HTTP client, before a server that sends exactly what a test says."""

import asyncio
import contextlib
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from lingpai.http_client.connection import MAX_HEAD_BYTES, HttpConnection
from lingpai.http_client.pool import HttpPool, HttpRequest, split_url
from lingpai.http_client.response import UNREAD_BYTES, HttpResponse, LostError
from tests.keeper.certificates import certificate_for

SECONDS = 20.0
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers the requests of each connection with these bytes, one after the other; b"" closes it.

    Attributes:
        asked: the heads and bodies that came, by connection.
    """

    def __init__(self, *answers: bytes, then: str = "close", tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[list[bytes]] = []
        self.port = 0
        self._then = then
        self._tls = tls
        self._over = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}" if self._tls is None else f"https://localhost:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen: list[bytes] = []
        self.asked.append(seen)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                seen.append(head + await self._body(head, reader))
                answer = self.answers.pop(0)
                if not answer:
                    break
                writer.write(answer)
                await writer.drain()
            if self._then == "wait":
                await self._over.wait()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    @staticmethod
    async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
        if b"transfer-encoding: chunked" in head:
            return await reader.readuntil(b"0\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return await reader.readexactly(int(length or 0))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._over.set()
        self._server.close()


@contextlib.asynccontextmanager
async def pooled(**options: Any) -> AsyncIterator[HttpPool]:
    pool = HttpPool(5, **options)
    try:
        yield pool
    finally:
        pool.close()
        await asyncio.sleep(0)


async def content_of(response: HttpResponse) -> bytes:
    await response.head(SECONDS)
    pieces = []
    while piece := await response.read(SECONDS):
        pieces.append(piece)
    return b"".join(pieces)


async def get(pool: HttpPool, url: str, **fields: Any) -> tuple[int, bytes]:
    response = await pool.send(HttpRequest(fields.pop("method", "GET"), url, **fields), SECONDS)
    content = await content_of(response)
    return response.status, content


async def test_connections_are_used_again() -> None:
    async with Server(OK, OK, OK, then="wait") as server, pooled() as pool:
        assert [await get(pool, f"{server.url}/{n}") for n in range(3)] == [(200, b"ok")] * 3
        assert len(server.asked) == 1
        assert server.asked[0][1].startswith(
            b"GET /1 HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: Lingpai\r\n\r\n" % server.port
        )


@pytest.mark.parametrize("why", [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
                                 b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
                                 b"HTTP/1.1 200 OK\r\n\r\nok"])  # fmt: skip
async def test_a_connection_that_the_server_ends_is_not_used_again(why: bytes) -> None:
    async with Server(why, then="close") as server, pooled() as pool:
        server.answers = [why]
        assert await get(pool, server.url) == (200, b"ok")
        server.answers = [OK]
        assert await get(pool, server.url) == (200, b"ok")
        assert len(server.asked) == 2


async def test_what_nobody_asked_for_ends_a_connection() -> None:
    async with Server(OK + OK, OK, then="wait") as server, pooled() as pool:
        assert await get(pool, server.url) == (200, b"ok")
        assert await get(pool, server.url) == (200, b"ok")
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "status", "content"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nx: y\r\n\r\n", 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, b""),
        (b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", 302, b""),
        (b"HTTP/1.1 299 \r\ncontent-length: 1\r\n\r\nx", 299, b"x"),
        (b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok", 200, b"ok"),
    ],
)  # fmt: skip
async def test_answers_are_read_as_http_says(answer: bytes, status: int, content: bytes) -> None:
    async with Server(answer, OK, then="wait") as server, pooled() as pool:
        assert await get(pool, server.url) == (status, content)
        assert await get(pool, server.url) == (200, b"ok")


async def test_an_answer_to_head_has_no_body() -> None:
    async with (
        Server(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n", then="wait") as server,
        pooled() as pool,
    ):
        response = await pool.send(HttpRequest("HEAD", server.url), SECONDS)
        assert await content_of(response) == b""
        assert (response.status, response.length) == (200, 5000)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "before an answer came"),
        (b"HTTP/1.1 200 OK\r\ncontent-le", "before an answer came"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "in the middle of the answer"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nha", "in the middle of the answer"),
        (b"220 smtp.example ESMTP\r\n", "not HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nok", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * MAX_HEAD_BYTES * 2, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx", "compressed"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok", "compressed"),
        (CHUNKED + b"0\r\n" + b"a: b\r\n" * MAX_HEAD_BYTES, "not HTTP"),
        (CHUNKED + b"0\r\na: " + b"b" * MAX_HEAD_BYTES * 8, "not HTTP"),
        (CHUNKED + b"1;a=" + b"b" * MAX_HEAD_BYTES * 8, "not HTTP"),
    ],
)
async def test_what_is_no_whole_answer_is_lost(answer: bytes, why: str) -> None:
    async with Server(answer) as server, pooled() as pool:
        with pytest.raises(LostError, match=why):
            await get(pool, server.url)


async def test_trailers_and_small_chunks_end_no_answer() -> None:
    pieces = b"1\r\no\r\n" * MAX_HEAD_BYTES + b"0\r\n" + b"a: b\r\n" * 1000 + b"\r\n"
    async with Server(CHUNKED + pieces, OK, then="wait") as server, pooled() as pool:
        response = await pool.send(HttpRequest("GET", server.url), SECONDS)
        assert len(await content_of(response)) == MAX_HEAD_BYTES
        assert response.lines == [(b"transfer-encoding", b"chunked")]
        assert await get(pool, server.url) == (200, b"ok")
        assert len(server.asked) == 1


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"gzip, br", b"identity\r\ncontent-encoding: br"])
async def test_a_coding_that_cannot_be_undone_is_known_at_the_head(coding: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: 2\r\n\r\nok" % coding
    async with Server(answer, answer, then="wait") as server, pooled(limit=1) as pool:
        response = await pool.send(HttpRequest("GET", server.url), SECONDS)
        with pytest.raises(LostError, match="compressed"):
            await response.head(SECONDS)
        assert (response.headed, response.status) == (True, 200)
        with pytest.raises(LostError, match="compressed"):
            await response.read(SECONDS)
        head = await pool.send(HttpRequest("HEAD", server.url), SECONDS)  # the place is free again
        assert await content_of(head) == b""


async def test_a_server_that_closes_at_once_costs_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by TLS, whose last flight may bring the end too."""
    made = HttpConnection.connection_made

    def close(connection: HttpConnection, transport: asyncio.BaseTransport) -> None:
        made(connection, transport)
        connection.abort()

    async with Server(OK) as server, pooled(limit=1) as pool:
        monkeypatch.setattr(HttpConnection, "connection_made", close)
        with pytest.raises(LostError):
            await get(pool, server.url)
        monkeypatch.undo()
        assert await get(pool, server.url) == (200, b"ok")


@pytest.mark.parametrize(
    ("coding", "make"), [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_a_compressed_answer_is_read_a_piece_at_a_time(coding: str, make: Any) -> None:
    content = b"0" * 1_000_000
    packed = make(content)
    answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: %b\r\ncontent-length: %d\r\n\r\n%b"
    async with Server(answer % (coding.encode(), len(packed), packed)) as server, pooled() as pool:
        response = await pool.send(HttpRequest("GET", server.url), SECONDS)
        await response.head(SECONDS)
        assert response.length is None
        sizes = []
        while piece := await response.read(SECONDS):
            sizes.append(len(piece))
        assert sum(sizes) == len(content)
        assert max(sizes) <= 64 * 1024


async def test_an_answer_that_nobody_reads_is_not_collected() -> None:
    size = 64 * 1024 * 1024
    large = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size)
    async with Server(large) as server, pooled() as pool:
        response = await pool.send(HttpRequest("GET", server.url), SECONDS)
        await response.head(SECONDS)
        for _ in range(200):
            await asyncio.sleep(0)
        read, most = 0, 0
        while piece := await response.read(SECONDS):
            read, most = read + len(piece), max(most, len(piece))
        assert read == size
        assert most <= 2 * UNREAD_BYTES


async def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ((), b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
        ((("content-length", "6"),), b"content-length: 6\r\n\r\nonetwo"),
    ],
)
async def test_a_body_is_sent_piece_by_piece(headers: Sequence[tuple[str, str]], sent: bytes) -> None:
    async with Server(OK, OK, then="wait") as server, pooled() as pool:
        body = pieces_of(b"one", b"", b"two")
        assert await get(pool, server.url, method="POST", headers=headers, body=body) == (200, b"ok")
        assert server.asked[0][0].endswith(sent)
        assert await get(pool, server.url, method="POST", body=b"") == (200, b"ok")
        assert server.asked[0][1].endswith(b"content-length: 0\r\n\r\n")


async def test_a_body_that_breaks_off_cuts_the_connection() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("the caller is gone")

    async with Server(OK) as server, pooled() as pool:
        with pytest.raises(LostError):
            await get(pool, server.url, method="POST", body=broken())


async def test_an_answer_may_come_before_the_body_is_sent() -> None:
    gone = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1000)
                await asyncio.sleep(0)
        finally:
            gone.set()

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                pass
        writer.close()

    server = await asyncio.start_server(early, "127.0.0.1", 0)
    async with server, pooled() as pool:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await get(pool, url, method="POST", body=endless()) == (413, b"big")
        await asyncio.wait_for(gone.wait(), SECONDS)


async def test_silence_ends_a_wait() -> None:
    async with (
        Server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", then="wait") as server,
        pooled() as pool,
    ):
        response = await pool.send(HttpRequest("GET", server.url), SECONDS)
        await response.head(SECONDS)
        assert await response.read(SECONDS) == b"half"
        with pytest.raises(TimeoutError):
            await response.read(0.05)
        response.close()
        short = await pool.send(HttpRequest("GET", server.url), 0.05)
        with pytest.raises(TimeoutError):  # the whole call has 0.05 s, however patient who waits is
            await short.head(SECONDS)
        short.close()


async def test_a_body_on_its_way_puts_off_the_end_of_a_wait() -> None:
    turn = 0.05

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(6):
            await asyncio.sleep(turn)
            yield b"."

    async with Server(OK) as server, pooled() as pool:
        response = await pool.send(HttpRequest("POST", server.url, (), slow()), SECONDS)
        await response.head(4 * turn)
        assert response.status == 200


class Timers:
    """A loop whose time passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, asyncio.TimerHandle]] = []

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, call: Any, *arguments: Any) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, call, arguments, asyncio.get_running_loop())
        self._due.append((when, handle))
        return handle

    async def pass_to(self, now: float) -> None:
        await asyncio.sleep(0)
        self.now = now
        for when, handle in list(self._due):
            if when <= now and not handle.cancelled():
                self._due.remove((when, handle))
                handle._run()
        await asyncio.sleep(0)


async def test_a_wait_that_is_over_does_not_end_the_next() -> None:
    timers: Any = Timers()
    response = HttpResponse(HttpConnection(timers, print, print), timers, 1_000)
    head = asyncio.create_task(response.head(10))
    await timers.pass_to(9)
    response.moved = 9
    await timers.pass_to(10)  # put off to 19
    response.begin(200, [])
    await head
    body = asyncio.create_task(response.read(100))
    await timers.pass_to(50)
    assert not body.done()
    response.feed(b"late")
    assert await body == b"late"


async def test_no_more_requests_than_the_limit_are_sent_at_a_time() -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"
    async with Server(half, then="wait") as server, pooled(limit=1) as pool:
        first = await pool.send(HttpRequest("GET", server.url), SECONDS)
        await first.head(SECONDS)
        with pytest.raises(TimeoutError):
            await pool.send(HttpRequest("GET", server.url), 0.05)
        first.close()
        server.answers = [OK]
        assert await get(pool, server.url) == (200, b"ok")


@pytest.mark.parametrize("header", [("x", "a\r\nb: c"), ("x\n", "a"), ("x", "a\0")])
async def test_a_header_that_would_break_the_head_is_refused(header: tuple[str, str]) -> None:
    async with Server(OK, then="wait") as server, pooled() as pool:
        with pytest.raises(ValueError, match="line end"):
            await get(pool, server.url, headers=(header,))


@pytest.mark.parametrize("url", ["ftp://host/", "nonsense", "http:///x", "http://host:99999/"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    async with pooled() as pool:
        with pytest.raises(ValueError, match=r"address|[Pp]ort"):
            await get(pool, url)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://a:1/b?c=/d", ("http://a:1", "/b?c=/d")),
        ("https://a", ("https://a", "/")),
        ("https://a?b=c", ("https://a", "/?b=c")),
    ],
)
def test_addresses_are_split(url: str, parts: tuple[str, str]) -> None:
    assert split_url(url) == parts


async def test_a_name_with_a_dead_address_is_reached_by_the_next() -> None:
    async def both(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.9", "127.0.0.1"]  # nobody listens at the first

    async with Server(OK) as server, pooled(resolve=both) as pool:
        assert await get(pool, f"http://api.example:{server.port}/") == (200, b"ok")
        assert b"\r\nhost: api.example:" in server.asked[0][0]


async def test_nothing_is_left_open() -> None:
    async with Server(OK, then="wait") as server:
        pool = HttpPool(5)
        assert await get(pool, server.url) == (200, b"ok")
        waiting = await pool.send(HttpRequest("GET", server.url), SECONDS)
        pool.close()
        with pytest.raises(LostError):
            await waiting.head(SECONDS)


async def test_the_variables_of_openssl_name_who_is_trusted_whenever_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate_for(tmp_path, "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    async with Server(OK, tls=context) as server:
        async with pooled() as pool:
            with pytest.raises(ssl.SSLCertVerificationError):
                await get(pool, server.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        async with pooled() as pool:
            assert await get(pool, server.url) == (200, b"ok")
