"""A request names one host; who names none, several, or two different ones is answered 400 (RFC 9112 §3.2)."""

from typing import Any

import pytest

from lingpai.core.wire import Call
from lingpai.edge.app import create_app
from tests.edge.running_edge import FALLBACK, Edge, route, running


def message(first: str, *lines: str) -> bytes:
    return "\r\n".join([first, *lines, "connection: close", "", ""]).encode("latin-1")


GOOD = [
    ("GET /call HTTP/1.1", ["host: 127.0.0.1:8000"]),
    ("GET /call HTTP/1.1", ["Host: [::1]:8000"]),
    ("GET /call HTTP/1.1", ["host: any.example"]),
    ("GET /call HTTP/1.1", ["host:"]),
    ("GET /call HTTP/1.0", []),
    ("GET http://any.example/call HTTP/1.1", ["host: any.example"]),
    ("GET http://Any.Example:80/call?x=1 HTTP/1.1", ["host: any.example"]),
]
ROOTS = ["/", "http://any.example/", "http://any.example", "http://any.example?x=1"]
BAD = [
    ("GET /call HTTP/1.1", []),
    ("GET /call HTTP/1.1", ["host: a", "host: b"]),
    ("GET /call HTTP/1.1", ["host: a", "Host: a"]),
    ("GET /call HTTP/1.0", ["host: a", "host: b"]),
    ("GET /call HTTP/1.1", ["host: a, b"]),
    ("GET /call HTTP/1.1", ["host: a b"]),
    ("GET /call HTTP/1.1", ["host: user@a"]),
    ("GET /call HTTP/1.1", ["host: a/b"]),
    ("GET /call HTTP/1.1", ["host: a:port"]),
    ("GET /call HTTP/1.1", ["host: [::1"]),
    ("GET /call HTTP/1.1", ["host: \xe4"]),
    ("GET http://evil.example/call HTTP/1.1", ["host: localhost"]),
    ("GET http://localhost@evil.example/call HTTP/1.1", ["host: localhost"]),
]


@pytest.mark.parametrize(("first", "lines"), GOOD)
async def test_a_request_that_names_one_host_is_answered(edge: Edge, first: str, lines: list[str]) -> None:
    for _ in range(3):  # a head that is known by now is judged alike
        assert (await edge.raw(message(first, *lines))).status == 200


@pytest.mark.parametrize(("first", "lines"), BAD)
async def test_a_request_that_names_no_host_or_several_is_400(
    edge: Edge, first: str, lines: list[str]
) -> None:
    for _ in range(3):
        answer = await edge.raw(message(first, *lines))
        assert (answer.status, answer.headers["connection"]) == (400, "close")


async def test_a_second_request_on_the_line_is_held_to_it_too(edge: Edge) -> None:
    good = b"GET /call HTTP/1.1\r\nhost: a\r\n\r\n"
    async with edge.wire() as wire:
        await wire.send(good)
        assert (await wire.answer()).status == 200
        await wire.send(good.replace(b"host: a", b"host: a\r\nhost: a"))
        assert (await wire.answer()).status == 400
        assert await wire.closed()


@pytest.mark.parametrize("target", ROOTS)
async def test_a_target_without_a_path_is_the_root(target: str) -> None:
    async def root(_params: Any, _call: Call) -> str:
        return "root"

    async with running(create_app([route("/", root)], FALLBACK)) as edge:
        for _ in range(3):
            answer = await edge.raw(message(f"GET {target} HTTP/1.1", "host: any.example"))
            assert answer.json["data"] == "root"


async def test_options_of_the_server_as_such(edge: Edge) -> None:
    for _ in range(3):
        answer = await edge.raw(message("OPTIONS * HTTP/1.1", "host: any.example"))
        assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    answer = await edge.raw(message("GET * HTTP/1.1", "host: any.example"))
    assert answer.status == 404
    assert (await edge.ask("OPTIONS", "/*")).status == 404
