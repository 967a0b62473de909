"""Any bytes: an answer below 500, or a closed line, and never a hang (D48)."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.options import EdgeOptions
from tests.edge.running_edge import Edge, app_of, request, running

OPTIONS = EdgeOptions(body_timeout=0.05, body_limit=2000)
CLOSE = (("connection", "close"),)
LIMITS = ProtocolLimits(head_bytes=2000)
FUZZ = settings(
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TYPES = st.sampled_from(
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        "text/plain",
    ]
)
PATHS = st.sampled_from(["/item", "/form", "/json", "/items/1", "/query", "/nothing"])
BODIES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.sampled_from([b"app", b"code", b"=", b"&", b"%", b"%00", b"\xff", b"[]", b";", b"1"])).map(
        b"".join
    ),
    st.recursive(
        st.sampled_from([b'"app"', b"1", b"null", b'"\\ud800"', b"1e400", b"tru"]),
        lambda inner: st.lists(inner, max_size=3).map(lambda items: b"{" + b":".join(items) + b"}"),
    ),
    st.lists(
        st.sampled_from(
            [b"--b", b"--b--", b"\r\n", b'content-disposition: form-data; name="app"', b"x", b"\xff"]
        )
    ).map(b"".join),
)


async def _speak(edge: Edge, data: bytes) -> list[int]:
    """Statuses of all answers, after which the server must not keep the line for more."""
    async with edge.wire() as wire:
        await wire.send(data)
        statuses = []
        async with asyncio.timeout(10):
            while True:
                try:
                    statuses.append((await asyncio.wait_for(wire.answer(), 0.15)).status)
                except TimeoutError:
                    edge.sweep(100)
                except (asyncio.IncompleteReadError, ConnectionError):
                    return statuses


class Harness(NamedTuple):
    """A server and the loop it runs in, for all examples of a test."""

    runner: asyncio.Runner
    edge: Edge

    def check(self, data: bytes) -> None:
        async def check() -> None:
            statuses = await _speak(self.edge, data)
            assert all(status < 500 for status in statuses), statuses
            assert (await self.edge.get("/call")).status == 200

        self.runner.run(check())


@pytest.fixture
def harness() -> Iterator[Harness]:
    stack = contextlib.AsyncExitStack()
    with asyncio.Runner() as runner:
        edge = runner.run(stack.enter_async_context(running(app_of(OPTIONS), LIMITS)))
        yield Harness(runner, edge)
        runner.run(stack.aclose())


@FUZZ
@given(st.binary(min_size=1, max_size=400))
@pytest.mark.threat("D48")
def test_any_bytes(harness: Harness, data: bytes) -> None:
    harness.check(data)


@FUZZ
@given(PATHS, TYPES, BODIES)
@pytest.mark.threat("D48")
def test_any_body(harness: Harness, path: str, content_type: str, body: bytes) -> None:
    harness.check(request("POST", path, body, content_type, CLOSE))


@FUZZ
@given(PATHS, st.text(st.characters(codec="latin-1"), max_size=60))
@pytest.mark.threat("D48")
def test_any_query(harness: Harness, path: str, query: str) -> None:
    harness.check(request("GET", f"{path}?{query}", headers=CLOSE))


@FUZZ
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["authorization", "accept", "if-none-match", "content-type", "x-forwarded-for", "te"]
            ),
            st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=60),
        ),
        max_size=5,
    )
)
@pytest.mark.threat("D48")
def test_any_header(harness: Harness, headers: list[tuple[str, str]]) -> None:
    harness.check(request("GET", "/call", headers=[*CLOSE, *headers]))
