"""Serving in one process: ports, two servers in one loop, and an end within bounds."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from lingpai.edge.app import EdgeApp, create_app
from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, serve
from tests.edge.running_edge import FALLBACK, MAIN, app_of, request, route, running

slow_started = asyncio.Event()


def test_the_port_is_known_before_serving() -> None:
    with bind("127.0.0.1", 0) as bound:
        assert url_of(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(OSError, match="in use"):
            bind("127.0.0.1", bound.getsockname()[1])


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_urls_are_bracketed() -> None:
    try:
        bound = bind("::1", 0)
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with bound:
        assert url_of(bound).startswith("http://[::1]:")


async def test_two_servers_in_one_loop_end_with_one_signal() -> None:
    sockets = [bind("127.0.0.1", 0), bind("127.0.0.1", 0)]
    ports = [bound.getsockname()[1] for bound in sockets]
    ready = asyncio.Event()
    task = asyncio.create_task(serve([Listener(app_of(), [bound]) for bound in sockets], ready=ready.set))
    await ready.wait()
    for port in ports:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("GET", "/call"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        await task
    assert all(bound.fileno() == -1 for bound in sockets)


def _slow_app(started: asyncio.Event, ended: list[str], seconds: float, *, quick: bool) -> EdgeApp:
    async def slow(_params: object, _call: object) -> str:
        started.set()
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        ended.append("done")
        return "done"

    async def stop() -> None:
        ended.append("stopped")

    return create_app([route("/slow", slow, quick=quick)], [("", MAIN)], on_stop=[stop])


with_and_without_a_task = pytest.mark.parametrize("quick", [False, True], ids=["task", "quick"])


@with_and_without_a_task
@pytest.mark.parametrize(
    ("seconds", "now", "expected"),
    [(0.3, False, ["done", "stopped"]), (60, False, ["cancelled", "stopped"]), (60, True, ["stopped"])],
)
async def test_the_end_waits_for_requests_but_not_for_ever(
    seconds: float, now: bool, expected: list[str], *, quick: bool
) -> None:
    started, ended = asyncio.Event(), list[str]()
    app = _slow_app(started, ended, seconds, quick=quick)
    async with running(app, grace=1) as edge, edge.wire() as idle, edge.wire() as wire:
        await wire.send(request("GET", "/slow"))
        await started.wait()
        edge.serving.stop(now=now)
        async with asyncio.timeout(5):
            if seconds < 1:
                assert (await wire.answer()).headers["connection"] == "close"
            await edge.ended
        assert await idle.closed()
    # Whether a request that is cut off hears of it first is the loop's business, and differs by Python's version.
    heard = [each for each in ended if not now or each == "stopped"]
    assert heard[: len(expected)] == expected


async def test_a_connection_that_was_accepted_last_is_answered() -> None:
    ending = asyncio.Event()
    app = _slow_app(asyncio.Event(), [], 0, quick=True)
    app.on_ending = ending.set
    async with running(app, grace=5) as edge, edge.wire() as fresh, edge.wire() as silent:
        async with asyncio.timeout(5):
            while len(edge.connections()) < 2:  # noqa: ASYNC110  connections announce nothing
                await asyncio.sleep(0)
        edge.serving.stop()
        await ending.wait()
        await fresh.send(request("GET", "/slow"))
        assert (await fresh.answer()).status == 200
        async with asyncio.timeout(5):
            assert await fresh.closed()
            assert await silent.closed()
            await edge.ended


@with_and_without_a_task
async def test_what_the_end_cuts_off_is_reported_in_shape(
    caplog: pytest.LogCaptureFixture, *, quick: bool
) -> None:
    started = asyncio.Event()
    app = _slow_app(started, [], 60, quick=quick)
    async with running(app, grace=0) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/slow"))
        await started.wait()
        edge.serving.stop()
        answer = await wire.answer()
        assert (answer.status, answer.json["shape"], answer.json["kind"]) == (
            503,
            "main",
            "store_unavailable",
        )
        assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
        assert await wire.closed()
        await edge.ended
    lines: list[Any] = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["route"], line["status"], line["error"]) == ("/slow", 503, "store_unavailable")


@with_and_without_a_task
async def test_who_waits_for_something_is_let_go_at_the_end(*, quick: bool) -> None:
    started, ended = asyncio.Event(), list[str]()
    app = _slow_app(started, ended, 60, quick=quick)
    async with running(app, grace=10) as edge, edge.wire() as wire:
        await wire.send(request("GET", "/slow"))
        await started.wait()
        app.on_ending = lambda: edge.serving.stop(now=True)
        edge.serving.stop()
        async with asyncio.timeout(5):  # not the ten seconds of the drain
            await edge.ended


async def test_no_new_connections_after_the_end() -> None:
    async with running(create_app([], FALLBACK)) as edge:
        port = edge.port
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


def test_run_serves_until_a_signal_in_a_process_of_its_own() -> None:
    program = textwrap.dedent("""
        from lingpai.edge.listening import bind, url_of
        from lingpai.edge.server import Listener, run
        from tests.edge.running_edge import app_of
        bound = bind("127.0.0.1", 0)
        run([Listener(app_of(), [bound])], ready=lambda: print("ready", flush=True))
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "ready" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_the_exit_code_of_run_says_that_an_app_did_not_start() -> None:
    program = textwrap.dedent("""
        from lingpai.edge.app import create_app
        from lingpai.edge.listening import bind
        from lingpai.edge.server import Listener, run
        from tests.edge.running_edge import FALLBACK
        async def fail():
            raise OSError("no store")
        run([Listener(create_app([], FALLBACK, on_start=[fail]), [bind("127.0.0.1", 0)])])
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert done.returncode == 3
