"""The sandbox has the service's HTTP: upgrade offers, Expect, late and large bodies, slow readers, an orderly end."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from lingpai.core.clock import SystemClock
from lingpai.sandbox import SAMPLE_APP, SandboxOptions
from lingpai.sandbox.app import SandboxEndpoint, create_app
from tests.edge.running_edge import Answer, Edge, request, running

FIELDS = {"grant_type": "client_credential", "appid": SAMPLE_APP.appid, "secret": SAMPLE_APP.secret}
BODY = json.dumps(FIELDS).encode()
JAVA = [
    ("connection", "Upgrade, HTTP2-Settings"),
    ("http2-settings", "AAEAAEAAAAIAAAABAAMAAABk"),
    ("upgrade", "h2c"),
]
STABLE = "/cgi-bin/stable_token"


def asked(body: bytes, headers: list[tuple[str, str]]) -> bytes:
    return request("POST", STABLE, body, "application/json", headers).replace(
        b"host: test", b"host: localhost", 1
    )


@contextlib.asynccontextmanager
async def sandbox() -> AsyncIterator[Edge]:
    async with running(create_app(SandboxOptions(), SystemClock(), None), grace=5) as edge:
        yield edge


def has_token(answer: Answer) -> bool:
    return answer.status == 200 and "access_token" in answer.json


@pytest.mark.parametrize("step", [1, 60, 100_000])
async def test_an_upgrade_offer_keeps_its_body(step: int) -> None:
    chunks = [("transfer-encoding", "chunked")]
    chunked = asked(b"", [*JAVA, *chunks]).replace(
        b"content-length: 0\r\n", b""
    ) + b"%x\r\n%b\r\n0\r\n\r\n" % (
        len(BODY),
        BODY,
    )
    message = asked(BODY, JAVA) + chunked + asked(BODY, [])
    async with sandbox() as edge, edge.wire() as wire:
        for at in range(0, len(message), step):
            await wire.send(message[at : at + step])
            await asyncio.sleep(0)
        assert [has_token(await wire.answer()) for _ in range(3)] == [True] * 3


async def test_a_body_that_is_waited_for_is_asked_for() -> None:
    async with sandbox() as edge, edge.wire() as wire:
        message = asked(BODY, [("expect", "100-continue")])
        await wire.send(message.removesuffix(BODY))
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(BODY)
        assert has_token(await wire.answer())


async def test_a_large_and_a_late_body_are_refused_in_the_platforms_form(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SandboxEndpoint, "body_limit", 1000)
    async with sandbox() as edge:
        async with edge.wire() as wire:
            await wire.send(asked(b"x" * 2000, [])[:-1])
            assert (await wire.answer()).json["errcode"] == 45002
        async with edge.wire() as wire:
            await wire.send(asked(BODY, [])[:-1])
            await until(lambda: any(each._receiver.incoming for each in edge.connections()))
            edge.sweep(61)
            assert (await wire.answer()).json["errcode"] == 45002


async def test_who_does_not_read_is_cut_off_and_nobody_else() -> None:
    async with sandbox() as edge, edge.wire() as slow, edge.wire() as other:
        await slow.send(asked(BODY, []))
        await slow.answer()
        (connection,) = [each for each in edge.connections() if each._answered]
        for end, buffer in ((connection.transport, socket.SO_SNDBUF), (slow.writer, socket.SO_RCVBUF)):
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, buffer, 4096)
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
        page = asked(BODY, [])
        while not connection.write_paused:
            slow.writer.write(page * 20)
            await asyncio.sleep(0)
        await other.send(asked(BODY, []))
        assert has_token(await other.answer())
        now = asyncio.get_running_loop().time()
        connection.enforce(now)
        connection.enforce(now + 31)
        assert connection.transport.is_closing()


async def test_the_end_waits_for_an_answer_that_is_owed() -> None:
    async with sandbox() as edge, edge.wire() as control, edge.wire() as wire:
        fault = json.dumps({"path": STABLE, "fault": "slow:0.3", "times": 1}).encode()
        setting = request("POST", "/_sandbox/faults", fault, "application/json")
        await control.send(setting.replace(b"host: test", b"host: localhost"))
        assert (await control.answer()).status == 200
        await wire.send(asked(BODY, []))
        await until(lambda: any(each._current is not None for each in edge.connections()))
        edge.serving.stop()
        answer = await wire.answer()
        assert (has_token(answer), answer.headers["connection"]) == (True, "close")
        await edge.ended


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  the server reports nothing of it
            await asyncio.sleep(0)


async def test_a_line_that_says_nothing_is_closed() -> None:
    async with sandbox() as edge, edge.wire() as wire:
        await until(lambda: bool(edge.connections()))
        edge.sweep(11)
        assert await wire.closed()
