"""Both ways out, uvicorn's own and the short one, put the same bytes on the wire."""

import pytest

from lingpai.edge.direct import write_directly
from tests.edge.world import app_of, request, running

TAKEN = "lingpai.edge.replying.write_directly"
TARGETS = (
    ("GET", "/echo?name=a"),
    ("GET", "/echo"),
    ("HEAD", "/echo?name=a"),
    ("POST", "/echo"),
    ("OPTIONS", "/echo"),
    ("GET", "/crash"),
    ("GET", "/not-modified"),
    ("GET", "/page"),
    ("GET", "/nothing"),
)


async def answers() -> list[tuple[int, dict[str, str], bytes]]:
    told = []
    async with running(app_of()) as world:
        for method, target in TARGETS:
            answer = await world.raw(request(method, target), method)
            headers = {**answer.headers}
            trace = headers.pop("trace-id", "")
            headers.pop("date")
            told.append((answer.status, headers, answer.body.replace(trace.encode(), b"")))
    return told


async def test_both_ways_out_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    direct: list[bool] = []

    def counted(*args: object) -> bool:
        direct.append(write_directly(*args))  # type: ignore[arg-type]
        return direct[-1]

    monkeypatch.setattr(TAKEN, counted)
    short = await answers()
    assert any(direct), "the short way is taken"
    monkeypatch.setattr(TAKEN, lambda *_: False)
    assert await answers() == short
