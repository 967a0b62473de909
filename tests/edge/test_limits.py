"""Bodies and heads that are too large or too slow (D36), and messages that are not HTTP (G70)."""

import asyncio
import logging
import socket
from ipaddress import ip_network

import pytest

from lingpai.core.wire import Reply
from lingpai.edge.app import create_app
from lingpai.edge.connection import Connection
from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.options import EdgeOptions
from tests.edge.running_edge import FALLBACK, MAIN, ROUTES, Edge, app_of, request, route, running

FORM = "application/x-www-form-urlencoded"
SMALL = EdgeOptions(body_limit=1000, body_timeout=0.2)


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@pytest.mark.threat("D36")
async def test_announced_length_is_refused_before_the_body_is_read() -> None:
    async with running(app_of(SMALL)) as edge, edge.wire() as wire:
        await wire.send(
            head("POST /form HTTP/1.1", "host: x", "content-length: 1001", f"content-type: {FORM}")
        )
        answer = await wire.answer()
        assert (answer.status, answer.json["kind"]) == (413, "body_too_large")
        # The rest is read and dropped, so that the connection is of use again.
        await wire.send(b"x" * 1001 + request("GET", "/call"))
        assert (await wire.answer()).status == 200


@pytest.mark.threat("D36")
async def test_chunked_body_is_counted_while_it_comes() -> None:
    async with running(app_of(SMALL)) as edge, edge.wire() as wire:
        await wire.send(
            head("POST /form HTTP/1.1", "host: x", "transfer-encoding: chunked", f"content-type: {FORM}")
        )
        await wire.send(b"1f4\r\n" + b"x" * 500 + b"\r\n")
        await wire.send(b"1f4\r\n" + b"x" * 500 + b"\r\n")
        await wire.send(b"1\r\nx\r\n")
        answer = await wire.answer()
        assert (answer.status, answer.json["kind"]) == (413, "body_too_large")


@pytest.mark.threat("D36")
async def test_a_body_at_the_limit_is_taken() -> None:
    body = b"app=1&code=2&x=".ljust(1000, b"x")
    async with running(app_of(SMALL)) as edge:
        assert (await edge.form("/form", body)).status == 200
        assert (await edge.form("/form", body + b"x")).status == 413


@pytest.mark.threat("D36")
async def test_a_refused_body_is_not_read_for_ever() -> None:
    async with running(app_of(SMALL), ProtocolLimits(drain_bytes=100_000)) as edge, edge.wire() as wire:
        await wire.send(
            head("POST /form HTTP/1.1", "host: x", "content-length: 9999999", f"content-type: {FORM}")
        )
        assert (await wire.answer()).status == 413
        for _ in range(200):
            if wire.reader.at_eof():
                break
            await wire.send(b"x" * 65536)
            await asyncio.sleep(0)
        assert await wire.closed()


@pytest.mark.parametrize("seconds", [1.0, 15.0, 60.0])
@pytest.mark.threat("D36")
async def test_a_late_body_is_answered_whatever_its_time_is(seconds: float) -> None:
    async with running(app_of(EdgeOptions(body_timeout=seconds))) as edge, edge.wire() as wire:
        await wire.send(head("POST /form HTTP/1.1", "host: x", "content-length: 12", f"content-type: {FORM}"))
        await edge.get("/call")  # by then the server knows of the request
        edge.sweep(seconds - 0.5)
        assert not wire.reader.at_eof()
        edge.sweep(seconds + 0.5)
        answer = await wire.answer()
        assert (answer.status, answer.json["kind"], answer.json["shape"]) == (408, "request_timeout", "main")
        assert await wire.closed()


@pytest.mark.parametrize("start", [b"", b"app=1"])
@pytest.mark.threat("D36")
async def test_a_slow_body_is_408_in_shape(start: bytes) -> None:
    async with running(app_of(SMALL)) as edge, edge.wire() as wire:
        await wire.send(
            head("POST /form HTTP/1.1", "host: x", "content-length: 12", f"content-type: {FORM}") + start
        )
        answer = await wire.answer()
        assert (answer.status, answer.json["kind"], answer.json["shape"]) == (408, "request_timeout", "main")
        assert await wire.closed()


@pytest.mark.threat("D36")
async def test_a_get_does_not_wait_for_a_body() -> None:
    async with running(app_of(SMALL)) as edge, edge.wire() as wire:
        await wire.send(head("GET /call HTTP/1.1", "host: x", "content-length: 12"))
        assert (await wire.answer()).status == 200
        edge.sweep(60)
        assert await wire.closed()  # for the body never came


@pytest.mark.threat("D36")
async def test_expectations_are_not_met_for_what_is_refused() -> None:
    expect = "expect: 100-continue"
    async with running(app_of(SMALL)) as edge:
        async with edge.wire() as wire:
            await wire.send(
                head(
                    "POST /form HTTP/1.1", "host: x", "content-length: 5000", f"content-type: {FORM}", expect
                )
            )
            assert (await wire.answer()).status == 413
            assert await wire.closed()
        async with edge.wire() as wire:
            await wire.send(
                head("POST /form HTTP/1.1", "host: x", "content-length: 12", f"content-type: {FORM}", expect)
            )
            assert (await wire.answer()).status == 100
            await wire.send(b"app=1&code=2")
            assert (await wire.answer()).status == 200
        assert (await edge.ask("POST", "/nothing", headers=[("expect", "100-continue")])).headers[
            "connection"
        ] == "close"


async def test_an_old_client_is_not_invited(edge: Edge) -> None:
    body = b"app=1&code=2"
    message = request("POST", "/form", body, FORM, [("expect", "100-continue")])
    answer = await edge.raw(message.replace(b" HTTP/1.1", b" HTTP/1.0"))
    assert (answer.status, answer.json["data"]["app"]) == (200, "1")  # the first answer, not 100


@pytest.mark.threat("D36")
async def test_a_caller_who_leaves_harms_nobody(edge: Edge) -> None:
    async with edge.wire() as wire:
        await wire.send(
            head("POST /form HTTP/1.1", "host: x", "content-length: 12", f"content-type: {FORM}") + b"a"
        )
    assert (await edge.get("/call")).status == 200


@pytest.mark.parametrize("parts", [1, 40])
@pytest.mark.threat("D36")
async def test_header_bombs_are_431(parts: int) -> None:
    bomb = head("GET /call HTTP/1.1", "host: x", *(f"x-{n}: {'x' * 100}" for n in range(100)))
    step = len(bomb) // parts + 1
    async with running(app_of(), ProtocolLimits(head_bytes=4096)) as edge, edge.wire() as wire:
        for at in range(0, len(bomb), step):
            await wire.send(bomb[at : at + step])
            await asyncio.sleep(0)
        assert (await wire.answer()).status == 431
        assert await wire.closed()


@pytest.mark.threat("D36")
async def test_a_header_without_end_is_431() -> None:
    async with running(app_of(), ProtocolLimits(head_bytes=4096)) as edge, edge.wire() as wire:
        await wire.send(b"GET /call HTTP/1.1\r\nhost: x\r\nx: ")
        for _ in range(9):
            await wire.send(b"x" * 500)
        assert (await wire.answer()).status == 431


ENDLESS = {
    "trailers": (b"0\r\n", b"x: y\r\n" * 80),
    "one trailer": (b"0\r\nx: ", b"x" * 500),
    "chunk extension": (b"1;", b"x" * 500),
}


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.threat("D36")
async def test_what_is_no_body_has_an_end_too(name: str) -> None:
    start, more = ENDLESS[name]
    lines = ("host: x", "transfer-encoding: chunked", f"content-type: {FORM}")
    async with running(app_of(), ProtocolLimits(head_bytes=4096)) as edge:
        for first, statuses in (("GET /call HTTP/1.1", [200]), ("POST /form HTTP/1.1", [431])):
            async with edge.wire() as wire:
                await wire.send(head(first, *lines) + b"5\r\napp=1\r\n" + start)
                for _ in range(9):
                    # A line that is closed under what is being sent loses the answer.
                    await asyncio.sleep(0.01)
                    await wire.send(more)
                assert [(await wire.answer()).status for _ in statuses] == statuses
                assert await wire.closed()


@pytest.mark.threat("D36")
async def test_a_head_without_end_behind_a_slow_request() -> None:
    go_on = asyncio.Event()

    async def wait(_params: object, _call: object) -> None:
        await go_on.wait()

    app = create_app([route("/wait", wait)], [("", MAIN)])
    async with running(app, ProtocolLimits(head_bytes=4096)) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/wait") + b"GET /wait HTTP/1.1\r\nx: ")
        for _ in range(9):
            await asyncio.sleep(0.01)
            await wire.send(b"x" * 500)
        await asyncio.sleep(0.01)
        go_on.set()
        assert [(await wire.answer()).status for _ in range(2)] == [200, 431]
        assert await wire.closed()


@pytest.mark.threat("D36")
async def test_chunks_with_trailers_and_extensions_are_taken() -> None:
    chunks = b"1;a=" + b"x" * 1000 + b"\r\n&\r\n"
    message = head("POST /form HTTP/1.1", "host: x", "transfer-encoding: chunked", f"content-type: {FORM}")
    message += b"c\r\napp=1&code=2\r\n" + chunks * 8 + b"0\r\nx: " + b"x" * 3000 + b"\r\n\r\n"
    async with running(app_of(), ProtocolLimits(head_bytes=4096)) as edge, edge.wire() as wire:
        for at in range(0, len(message), 900):
            await wire.send(message[at : at + 900])
            await asyncio.sleep(0.001)
        assert (await wire.answer()).status == 200


@pytest.mark.threat("D36")
async def test_a_large_body_is_not_taken_for_a_head() -> None:
    async with running(app_of(), ProtocolLimits(head_bytes=2048)) as edge:
        body = b"app=1&code=2&x=" + b"x" * 30_000
        assert (await edge.form("/form", body)).status == 200
        async with edge.wire() as wire:
            await wire.send((request("POST", "/form", body, FORM) + request("GET", "/call")) * 2)
            assert [(await wire.answer()).status for _ in range(4)] == [200, 200, 200, 200]


@pytest.mark.parametrize(
    ("start", "more"), [(b"GET /call HTTP/1.1\r\nhost:", b" "), (b"\r\n\r\n", b"\r\n"), (b"G", b"E")]
)
@pytest.mark.threat("D36")
async def test_slowloris_is_cut(edge: Edge, start: bytes, more: bytes) -> None:
    async with edge.wire() as wire:
        await wire.send(start)
        await wire.send(more)
        async with edge.wire() as other:
            await other.send(request("GET", "/call"))
            assert (await other.answer()).status == 200
            edge.sweep(30)
            assert (await wire.answer()).status == 408
            assert await wire.closed()
            # Meanwhile an idle connection lives on, to its own end.
            await other.send(request("GET", "/call"))
            assert (await other.answer()).status == 200
            edge.sweep(80)
            assert await other.closed()


@pytest.mark.threat("D36")
async def test_a_silent_connection_is_closed_without_a_word(edge: Edge) -> None:
    async with edge.wire() as wire:
        assert (await edge.get("/call")).status == 200  # by then the server knows of the first connection
        edge.sweep(30)
        assert await wire.closed()


async def settled(protocol: Connection) -> int:
    """How much waits for the reader, once it is no longer on its way to his system."""
    left, before = protocol.transport.get_write_buffer_size(), -1
    while not protocol.write_paused or left != before:
        await asyncio.sleep(0.05)
        left, before = protocol.transport.get_write_buffer_size(), left
    return left


@pytest.mark.threat("D36")
async def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lingpai.edge.server.TICKS_PER_SECOND", 1_000_000)  # the test sets the time

    async def large(_params: object, _call: object) -> Reply:
        return Reply(b"x" * 4_000_000)

    app = create_app([route("/large", large), *ROUTES], FALLBACK)
    async with running(app) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/call"))
        await wire.answer()
        (protocol,) = edge.connections()
        for end, buffer in ((protocol.transport, socket.SO_SNDBUF), (wire.writer, socket.SO_RCVBUF)):
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, buffer, 65536)
        await wire.send(request("GET", "/large") * 3)
        left, now = await settled(protocol), asyncio.get_running_loop().time()
        protocol.enforce(now)
        protocol.enforce(now + 29)
        await wire.reader.readexactly(1_000_000)
        assert 0 < await settled(protocol) < left
        protocol.enforce(now + 40)  # he is slow, but he reads
        protocol.enforce(now + 69)
        assert not protocol.transport.is_closing()
        protocol.enforce(now + 70)
        assert protocol.transport.is_closing()
        while edge.connections():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)


@pytest.mark.threat("D36")
async def test_the_watch_is_really_kept() -> None:
    async with running(app_of(), ProtocolLimits(head_timeout=0.5)) as edge, edge.wire() as wire:
        await wire.send(b"GET /call HTTP/1.1\r\n")
        assert (await wire.answer()).status == 408


NOT_HTTP = {
    "length and chunked": (
        b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "chunked and length": (
        b"POST /form HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n"
    ),
    "two lengths": b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "length with sign": b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: +3\r\n\r\nabc",
    "negative length": b"POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: -3\r\n\r\nabc",
    "folded header": b"GET /call HTTP/1.1\r\nhost: x\r\na: b\r\n c\r\n\r\n",
    "bare LF": b"GET /call HTTP/1.1\nhost: x\n\n",
    "bare LF in headers": b"GET /call HTTP/1.1\r\nhost: x\na: b\r\n\r\n",
    "bare CR in headers": b"GET /call HTTP/1.1\r\nhost: x\ra: b\r\n\r\n",
    "space before colon": b"GET /call HTTP/1.1\r\nhost : x\r\n\r\n",
    "NUL in header": b"GET /call HTTP/1.1\r\nhost: x\0y\r\n\r\n",
    "identity coding": b"POST /form HTTP/1.1\r\nhost: x\r\ntransfer-encoding: identity\r\n\r\nabc",
    "chunked not last": b"POST /form HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "bare LF in chunks": b"POST /item HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\nabc\n0\n\n",
    "bytes in the path": b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no method": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    "unknown method": b"FOO /call HTTP/1.1\r\nhost: x\r\n\r\n",
    "connect": b"CONNECT evil:80 HTTP/1.1\r\nhost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", NOT_HTTP)
@pytest.mark.threat("G70")
async def test_ambiguous_messages_are_400_and_end_the_connection(edge: Edge, name: str) -> None:
    async with edge.wire() as wire:
        await wire.send(NOT_HTTP[name])
        assert (await wire.answer()).status in ({400, 415} if name == "bare LF in chunks" else {400})
        assert await wire.closed()


@pytest.mark.threat("G70")
async def test_a_good_request_before_a_bad_one_gets_its_own_answer(edge: Edge) -> None:
    for good in (1, 2, 5):
        async with edge.wire() as wire:
            await wire.send(request("GET", "/call") * good + NOT_HTTP["bare LF"])
            answers = [await wire.answer() for _ in range(good)]
            assert [(answer.status, answer.headers.get("connection")) for answer in answers] == [
                *[(200, None)] * (good - 1),
                (200, "close"),
            ]
            assert await wire.closed()


@pytest.mark.threat("G70")
async def test_other_transfer_codings_are_refused(edge: Edge) -> None:
    for codings in (
        ["transfer-encoding: gzip, chunked"],
        ["transfer-encoding: gzip", "transfer-encoding: chunked"],
        ["content-encoding: gzip", "content-encoding: identity", "transfer-encoding: chunked"],
    ):
        first = head("POST /form HTTP/1.1", "host: x", *codings, f"content-type: {FORM}")
        answer = await edge.raw(first + b"0\r\n\r\n")
        assert (answer.status, answer.json["kind"]) == (415, "unsupported_media_type")


@pytest.mark.threat("G70")
async def test_trailers_are_no_headers() -> None:
    trailers = (
        "x-forwarded-for: 10.1.2.3",
        "authorization: Bearer abc",
        "accept-language: zh",
        "expect: 100-continue",
    )
    message = head(
        "GET /call HTTP/1.1", "host: x", "x-forwarded-for: 203.0.113.9", "transfer-encoding: chunked"
    )
    message += head("0", *trailers) + request("GET", "/call", headers=[("x-forwarded-for", "203.0.113.10")])
    options = EdgeOptions(trusted_proxies=(ip_network("127.0.0.0/8"),))
    async with running(app_of(options)) as edge, edge.wire() as wire:
        await wire.send(message)
        for peer in ("203.0.113.9", "203.0.113.10"):
            data = (await wire.answer()).json["data"]
            assert (data["peer"], data["bearer"], data["language"]) == (peer, None, None)


@pytest.mark.threat("G70")
async def test_upgrades_are_ignored(edge: Edge) -> None:
    for protocol in ("websocket", "h2c"):
        answer = await edge.get(
            "/call",
            ("connection", "upgrade"),
            ("upgrade", protocol),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        )
        assert answer.status == 200


UPGRADING = [
    ("Connection", "Upgrade, HTTP2-Settings"),
    ("Upgrade", "h2c"),
    ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
]


@pytest.mark.parametrize("step", [1, 50, 1_000_000])
@pytest.mark.threat("G70")
async def test_a_request_that_offers_an_upgrade_keeps_its_body(edge: Edge, step: int) -> None:
    body = b"app=1&code=2"
    chunked = head(
        "POST /form HTTP/1.1",
        "host: x",
        *(f"{name}: {value}" for name, value in [*UPGRADING, ("transfer-encoding", "chunked")]),
        f"content-type: {FORM}",
    )
    message = b"".join(
        [
            request("POST", "/form", body, FORM, UPGRADING),
            request("GET", "/call", headers=UPGRADING),
            request("POST", "/form", body, FORM),
            chunked + b"c\r\n" + body + b"\r\n0\r\n\r\n",
            request("GET", "/item?app=1&code=2", headers=[*UPGRADING, ("connection", "close")]),
        ]
    )
    async with edge.wire() as wire:
        for at in range(0, len(message), step):
            await wire.send(message[at : at + step])
            await asyncio.sleep(0)
        apps = [(await wire.answer()).json["data"].get("app") for _ in range(5)]
        assert apps == ["1", None, "1", "1", "1"]
        assert await wire.closed()


@pytest.mark.threat("G70")
async def test_what_offers_an_upgrade_is_limited_like_others(caplog: pytest.LogCaptureFixture) -> None:
    async with running(app_of(SMALL), ProtocolLimits(head_bytes=4096)) as edge:
        large = [*UPGRADING, ("x", "x" * 4096)]
        assert (await edge.ask("GET", "/call", headers=large)).status == 431
        assert (await edge.ask("POST", "/form", b"x" * 1001, FORM, UPGRADING)).status == 413
        assert (await edge.raw(request("GET", "call", headers=UPGRADING))).status == 400
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []  # no fault of ours
