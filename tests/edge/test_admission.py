"""Which connections are let in: in all, by address, the longest idle one making room; busy ones are never closed."""

import asyncio
import contextlib
import resource
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from lingpai.edge.admission import (
    BY_ADDRESS,
    IN_ALL,
    QUIET_SECONDS,
    Admission,
    ConnectionLimits,
    open_descriptors,
)
from lingpai.edge.app import create_app
from lingpai.edge.metrics import CONNECTIONS, CONNECTIONS_CLOSED, Exposition
from tests.edge.running_edge import FALLBACK, MAIN, ROUTES, Edge, Wire, app_of, request, route, running

CALL = request("GET", "/call")


class Guest:
    """A connection without a socket."""

    def __init__(self, network: str | None = "192.0.2.1", at: float = 0.0, *, idle: bool = True) -> None:
        self.network = network
        self.active_at = at
        self.admitted = False
        self.idle = idle
        self.closed = False
        self.looks = 0

    def is_idle(self) -> bool:
        self.looks += 1
        return self.idle

    def close_idle(self) -> None:
        assert self.idle
        self.closed = True


def admitted(admission: Admission, count: int, network: str | None = "192.0.2.1") -> list[Guest]:
    guests = [Guest(network, float(at)) for at in range(count)]
    assert all(admission.admit(guest, guest.active_at) for guest in guests)
    return guests


def closed(limit: str, what: str) -> float:
    return float(CONNECTIONS_CLOSED.labels(limit, what)._value.get())


def events(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, Any]]:
    lines: list[Any] = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [line for line in lines if line["event"] == name]


async def answered(wire: Wire) -> bool:
    await wire.send(CALL)
    try:
        return (await wire.answer()).status == 200
    except (asyncio.IncompleteReadError, ConnectionError):
        return False


@contextlib.asynccontextmanager
async def lines(edge: Edge, count: int, address: str = "127.0.0.1") -> AsyncIterator[list[Wire]]:
    """Lines on which a request has been answered, one after the other."""
    async with contextlib.AsyncExitStack() as stack:
        opened = []
        for _ in range(count):
            wire = await stack.enter_async_context(edge.wire(address))
            assert await answered(wire)
            opened.append(wire)
        yield opened


async def test_the_longest_idle_line_makes_room_for_a_new_one() -> None:
    limits = ConnectionLimits(most=4, proxies=(ip_network("127.0.0.1"),))
    before = closed(IN_ALL, "idle")
    async with (
        running(app_of(), connections=limits) as edge,
        lines(edge, 4) as (first, second, third, last),
    ):
        assert await answered(first)  # so that the second has been idle longest
        async with lines(edge, 1) as (fifth,):
            assert await second.closed()
            assert [await answered(each) for each in (third, last, first)] == [True, True, True]
            async with lines(edge, 1):
                assert await fifth.closed()
                assert len(edge.connections()) == 4
                assert [await answered(each) for each in (third, last, first)] == [True, True, True]
    assert closed(IN_ALL, "idle") == before + 2


async def test_a_line_that_never_said_anything_makes_room_too() -> None:
    async with (
        running(app_of(), connections=ConnectionLimits(most=2)) as edge,
        edge.wire("127.0.0.2") as silent,
        lines(edge, 1),
        lines(edge, 1, "127.0.0.3"),
    ):
        assert await silent.closed()


async def test_busy_lines_are_never_closed_and_the_new_one_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done, begun = asyncio.Event(), asyncio.Event()

    async def wait(_params: Any, _call: Any) -> str:
        begun.set()
        await done.wait()
        return "done"

    app = create_app([*ROUTES, route("/wait", wait)], FALLBACK)
    limits = ConnectionLimits(most=3, proxies=(ip_network("127.0.0.0/8"),))
    before = closed(IN_ALL, "refused")
    async with (
        running(app, connections=limits) as edge,
        edge.wire() as asked,
        edge.wire() as half_head,
        edge.wire() as half_body,
    ):
        whole = request("POST", "/echo", b"app=a&code=b", "application/x-www-form-urlencoded")
        await half_head.send(CALL[:20])
        await half_body.send(whole[:-4])
        await asked.send(request("GET", "/wait") + CALL)
        await begun.wait()
        for _ in range(3):
            async with edge.wire() as late:
                assert not await answered(late)
        await half_head.send(CALL[20:])
        assert (await half_head.answer()).status == 200
        await half_body.send(whole[-4:])
        assert (await half_body.answer()).status != 503
        done.set()
        # What was sent along is answered as well.
        assert [(await asked.answer()).status, (await asked.answer()).status] == [200, 200]
        async with lines(edge, 1):
            assert len(edge.connections()) == 3
    assert closed(IN_ALL, "refused") == before + 3
    (line,) = events(caplog, "connections_full")
    assert (line["limit"], line["most"]) == (IN_ALL, 3)


async def test_one_address_cannot_take_all() -> None:
    before = closed(BY_ADDRESS, "idle")
    async with (
        running(app_of(), connections=ConnectionLimits(most=8)) as edge,
        lines(edge, 2, "127.0.0.9") as others,
        lines(edge, 20, "127.0.0.2") as greedy,
    ):
        assert len(edge.connections()) == 8  # of which six are its own
        assert all([await answered(each) for each in others])
        assert [await each.closed() for each in greedy[:14]] == [True] * 14
        assert all([await answered(each) for each in greedy[14:]])
    assert closed(BY_ADDRESS, "idle") == before + 14


async def test_a_proxy_is_limited_by_the_whole_only() -> None:
    limits = ConnectionLimits(most=8, most_by_address=2, proxies=(ip_network("127.0.0.2"),))
    async with (
        running(app_of(), connections=limits) as edge,
        lines(edge, 5, "127.0.0.2") as proxied,
        lines(edge, 4, "127.0.0.3") as others,
    ):
        assert all([await answered(each) for each in proxied])
        assert [await each.closed() for each in others[:2]] == [True, True]
        assert all([await answered(each) for each in others[2:]])


async def test_who_does_not_read_his_answers_is_not_idle() -> None:
    limits = ConnectionLimits(most=1)
    async with running(app_of(), connections=limits) as edge, edge.wire() as slow:
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await slow.send(CALL)
        connection = None
        while connection is None or not connection._answered:
            connection = next(iter(edge.connections()), None)
            await asyncio.sleep(0)
        connection.write_paused = True
        async with edge.wire() as late:
            assert await late.closed()
        connection.resume_writing()
        slow.reader._transport.resume_reading()  # type: ignore[attr-defined]
        assert (await slow.answer()).status == 200


def test_ipv6_counts_by_network_of_64_bits() -> None:
    admission = Admission(ConnectionLimits(most=100, most_by_address=2))
    addresses = ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1", "::ffff:192.0.2.7", "192.0.2.7")
    networks = [admission.network_of(address) for address in addresses]
    assert networks[0] == networks[1] != networks[2]
    assert networks[3] == networks[4] == "192.0.2.7"


@pytest.mark.parametrize("address", ["", "127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3", "fd00::1"])
def test_local_sockets_and_proxies_have_no_limit_by_address(address: str) -> None:
    proxies = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert Admission(ConnectionLimits(proxies=proxies)).network_of(address) is None


@pytest.mark.parametrize("network", ["192.0.2.1", None])
def test_who_leaves_makes_room_once(network: str | None) -> None:
    admission = Admission(ConnectionLimits(most=4))
    first, second, *_ = admitted(admission, 3, network)
    admission.leave(first)
    admission.leave(first)
    assert admission.admit(Guest(network, 5.0), 5.0)
    late, later = Guest(network, 9.0), Guest("198.51.100.1", 9.0)
    assert admission.admit(later, 9.0)
    assert not second.closed
    assert admission.admit(late, 9.0)
    assert [first.closed, second.closed] == [False, True]


def test_busy_ones_cost_a_bounded_look_and_are_passed_over() -> None:
    admission = Admission(ConnectionLimits(most=200, most_by_address=150))
    guests = admitted(admission, 150)
    for guest in guests[:-1]:
        guest.idle = False
    looks = tries = 0
    while not guests[-1].closed:
        tries += 1
        admission.admit(Guest(at=1000.0 + tries), 1000.0 + tries)
        before, looks = looks, sum(guest.looks for guest in guests)
        assert looks - before < 100
        assert tries < 10
    assert not any(guest.closed for guest in guests[:-1])


def test_those_that_left_are_not_kept() -> None:
    admission = Admission(ConnectionLimits(most=10))
    for at in range(2000):
        guest = Guest(at=float(at))
        assert admission.admit(guest, guest.active_at)
        admission.leave(guest)
    assert len(admission._all._heap) < 200
    assert not admission._by_network


def test_an_episode_is_one_line_and_one_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    admission = Admission(ConnectionLimits(most=100, most_by_address=1))
    for episode in range(2):
        start = 1000.0 * episode
        for at in range(5):
            assert admission.admit(Guest(at=start + at), start + at)
            admission.look(start + at)
        assert len(events(caplog, "connections_full")) == episode + 1
        admission.look(start + 4 + QUIET_SECONDS - 1)
        assert len(events(caplog, "connections_full_over")) == episode
        admission.look(start + 4 + QUIET_SECONDS)
    first, second = events(caplog, "connections_full_over")
    assert (first["limit"], first["closed"], first["refused"], first["seconds"]) == (BY_ADDRESS, 4, 0, 3.0)
    assert second["closed"] == 5
    assert events(caplog, "connections_full")[0]["network"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("soft", "most", "expected"),
    [(256, 10_000, 256 - 128), (65_536, 10_000, 10_000), (65_536, 50, 50), (64, 10_000, 16), (-1, 700, 700)],
)
def test_descriptors_are_left_for_others(
    soft: int, most: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, soft))
    monkeypatch.setattr("lingpai.edge.admission.open_descriptors", lambda: 0)
    admission = Admission(ConnectionLimits(most=most))
    admission.fit_descriptors()
    assert admission.most == expected
    assert admission.most_by_address == min(1000, expected * 3 // 4)


def test_open_descriptors_are_counted() -> None:
    before = open_descriptors()
    with open(__file__, encoding="utf-8"):  # noqa: PTH123  one more
        assert open_descriptors() == before + 1


async def test_metrics_show_open_connections_and_closed_ones() -> None:
    exposition = Exposition()
    app = create_app([*ROUTES, exposition.route(MAIN)], FALLBACK)
    before = float(CONNECTIONS._value.get())
    async with (
        running(app, connections=ConnectionLimits(most=4, most_by_address=2)) as edge,
        lines(edge, 3),
    ):
        (server,) = edge.serving._servers
        server._admission.look(0.0)
        text = (await exposition.render()).decode()
        assert f"lingpai_http_connections {before + 2}" in text
        assert 'lingpai_http_connections_closed_total{limit="address",what="idle"}' in text
    assert float(CONNECTIONS._value.get()) == before


def test_exhausted_descriptors_are_one_line_and_idle_lines_give_theirs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    admission = Admission()
    guests = admitted(admission, 40)
    guests[0].idle = False
    free = False
    monkeypatch.setattr("lingpai.edge.admission.has_descriptors", lambda: free)
    admission.look(100.0)
    assert [guest.closed for guest in guests] == [False] + [True] * 16 + [False] * 23
    free = True
    admission.look(101.0)
    free = False
    admission.look(102.0)
    assert sum(guest.closed for guest in guests) == 32
    free = True
    admission.look(102.0 + QUIET_SECONDS - 1)
    assert not events(caplog, "descriptors_free")
    admission.look(102.0 + QUIET_SECONDS)
    (line,) = events(caplog, "descriptors_exhausted")
    assert line["count"] == 40
    assert len(events(caplog, "descriptors_free")) == 1


EXHAUSTED = textwrap.dedent("""
    import asyncio, os, time
    from lingpai.edge.app import create_app
    from lingpai.edge.logs import configure_logging
    from lingpai.edge.listening import bind, url_of
    from lingpai.edge.server import Listener, run
    from tests.edge.running_edge import FALLBACK, route
    taken, began = [], 0.0
    def give():
        while taken:
            os.close(taken.pop())
    async def take(_params, _call):
        global began
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            asyncio.get_running_loop().call_later(3, give)
            began = time.process_time()
    async def used(_params, _call):
        return time.process_time() - began
    configure_logging()
    bound = bind("127.0.0.1", 0)
    app = create_app([route("/take", take), route("/used", used)], FALLBACK)
    run([Listener(app, [bound])], ready=lambda: print(bound.getsockname()[1], flush=True))
""")


def said(line: socket.socket, path: str) -> bytes:
    """The body of the answer, or nothing when the line is closed instead."""
    try:
        line.sendall(request("GET", path))
        answer = b""
        while not answer.endswith(b"}"):
            more = line.recv(65536)
            if not more:
                return b""
            answer += more
    except ConnectionError:
        return b""
    return answer.partition(b"\r\n\r\n")[2]


def test_a_process_without_descriptors_says_so_once_and_goes_on() -> None:
    command = ["/bin/sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", sys.executable, "-c", EXHAUSTED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            port = int(process.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), 20) as line:
                assert said(line, "/take")
                assert line.recv(1) == b""  # idle, it makes room
            body, until = b"", time.monotonic() + 60
            while not body and time.monotonic() < until:
                with socket.create_connection(("127.0.0.1", port), 20) as line:
                    body = said(line, "/used")
                time.sleep(0.01)
            assert msgspec.json.decode(body)["data"] < 1.5  # it did not spin
        finally:
            process.terminate()
            log = process.stderr.read()
    assert log.count('"descriptors_exhausted"') == 1
