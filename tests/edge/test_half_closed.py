"""Who sends no more may still listen: what he asked is answered, and then the connection ends."""

import asyncio
from typing import Any

import pytest

from lingpai.core.wire import Call
from lingpai.edge.app import create_app
from tests.edge.running_edge import FALLBACK, ROUTES, Wire, app_of, request, route, running

FORM = "application/x-www-form-urlencoded"


async def end(wire: Wire, data: bytes) -> None:
    await wire.send(data)
    wire.writer.write_eof()


@pytest.mark.parametrize("count", [1, 3])
async def test_requests_that_are_complete_are_answered(count: int) -> None:
    async with running(app_of()) as edge, edge.wire() as wire:
        await end(wire, request("POST", "/form", b"app=1&code=2", FORM) * count)
        for _ in range(count):
            assert (await wire.answer()).json["data"]["app"] == "1"
        assert await wire.closed()


async def test_an_answer_that_takes_its_time_arrives() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_params: Any, _call: Call) -> str:
        started.set()
        await go_on.wait()
        return "waited"

    app = create_app([route("/wait", wait), *ROUTES], FALLBACK)
    async with running(app) as edge, edge.wire() as wire:
        await end(wire, request("GET", "/wait") + request("GET", "/call"))
        await started.wait()
        await edge.get("/call")  # by now the server knows that no more comes
        go_on.set()
        assert (await wire.answer()).json["data"] == "waited"
        assert (await wire.answer()).status == 200
        assert await wire.closed()


async def test_a_body_that_ends_early_is_refused_in_the_shape_of_its_route() -> None:
    async with running(app_of()) as edge, edge.wire() as wire:
        await end(wire, request("POST", "/form", b"app=1&code=2", FORM)[:-3])
        answer = await wire.answer()
        assert (answer.status, answer.json["kind"]) == (400, "malformed_body")
        assert await wire.closed()


async def test_a_head_that_ends_early_is_400() -> None:
    async with running(app_of()) as edge, edge.wire() as wire:
        await end(wire, request("GET", "/call") + request("GET", "/call")[:-2])
        assert (await wire.answer()).status == 200
        assert (await wire.answer()).status == 400
        assert await wire.closed()


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/call", b"a body that nobody wants", FORM)[:-3],
        request("POST", "/form", b"x" * 100_000, FORM)[:-3],
        b"no request\r\n\r\n",
    ],
)
async def test_what_is_refused_ends_at_once(data: bytes) -> None:
    async with running(app_of()) as edge, edge.wire() as wire:
        await end(wire, data)
        assert (await wire.answer()).status in {200, 400, 413}
        assert await wire.closed()
        while edge.connections():  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)


async def test_a_silent_connection_gets_no_answer() -> None:
    async with running(app_of()) as edge, edge.wire() as wire:
        wire.writer.write_eof()
        assert await wire.closed()
