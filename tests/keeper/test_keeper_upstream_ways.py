"""How the platforms are reached and understood: proxies, causes of failures, lenient JSON, short lives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lingpai.core.clock import VirtualClock, end_after
from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.platforms.forms import ERRCODE
from lingpai.keeper.platforms.platform import Renewed, Repeat
from lingpai.keeper.platforms.wechat import WECHAT
from lingpai.keeper.proxies import proxy_for, without_userinfo
from lingpai.keeper.schedule import next_renewal
from lingpai.keeper.upstream import Refusal, Unreachable, Upstream, _understand, number_of
from lingpai.store.port import Fetched
from tests.keeper.certificates import tls_server

PLAIN = "http://api.example/cgi-bin/token"
BOM = b"\xef\xbb\xbf"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for variable in (name, name.upper()):
            monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, PLAIN, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, PLAIN, "http://proxy:3128"),
        ({"HTTP_PROXY": "proxy:3128"}, PLAIN, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128"}, PLAIN, None),
        ({"https_proxy": "http://proxy:3128"}, "https://api.example/", "http://proxy:3128"),
        ({"ALL_PROXY": "http://proxy:3128"}, "https://api.example/", "http://proxy:3128"),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "other,.example"}, PLAIN, None),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, PLAIN, None),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, expected: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = proxy_for(url)
    assert (found and found.url) == expected


def test_a_password_in_an_address_is_not_shown() -> None:
    assert without_userinfo("http://user:hunter2@proxy:3128/x") == "http://proxy:3128/x"


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that gives this answer to every request: its port, and the first lines that came."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            seen.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
            writer.write(answer)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


def http(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body)


@contextlib.asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    client = Upstream(5)
    try:
        yield client
    finally:
        await client.close()


async def test_calls_go_by_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        answering(http(b'{"access_token":"t","expires_in":7200}')) as (port, seen),
        upstream() as client,
    ):
        monkeypatch.setenv("HTTP_PROXY", f"http://user:hunter2@127.0.0.1:{port}")
        assert (await client.call("GET", PLAIN, query={"a": "b"}))["access_token"] == "t"
        await client.date(PLAIN)
    assert seen == [
        b"GET http://api.example/cgi-bin/token?a=b HTTP/1.1",
        b"GET http://api.example/cgi-bin/token HTTP/1.1",
    ]


async def test_a_proxy_in_trouble_is_named_as_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(http(b"", b"407 Proxy Authentication Required")) as (port, _), upstream() as client:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2@127.0.0.1:{port}")
        with pytest.raises(Unreachable, match=r"proxy.*407") as refused:
            await client.call("GET", "https://api.example/")
        assert "hunter2" not in str(refused.value)
    async with upstream() as client:  # where nobody listens any more
        with pytest.raises(Unreachable, match=r"proxy.*cannot be reached"):
            await client.call("GET", "https://api.example/")
        monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
        with pytest.raises(Unreachable):
            await client.call("GET", "https://api.example/")


async def test_what_is_wrong_with_tls_is_reported(tmp_path: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(http(b"{}", b"400 Bad Request"))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server, upstream() as client:
        with pytest.raises(Unreachable, match="TLS failed"):
            await client.call("GET", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    async with tls_server(tmp_path) as url, upstream() as client:
        with pytest.raises(Unreachable, match=r"certificate is not trusted: .*self.signed.*SSL_CERT_FILE"):
            await client.call("GET", url)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("40013", 40013),
        ("-1", -1),
        (" 0 ", 0),
        (40013.0, 40013),
        (7200, 7200),
        ("x", "x"),
        ("1.5", "1.5"),
        (True, True),
    ],
)
def test_numbers_are_read_however_they_are_spelled(value: Any, number: Any) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize("spelled", ['"40013"', '"-1"', "40013.0", "40013"])
def test_an_error_number_is_an_error_however_it_is_spelled(spelled: str) -> None:
    with pytest.raises(Refusal) as refused:
        _understand(BOM + b'{"errcode":%b,"errmsg":"no"}' % spelled.encode(), ERRCODE)
    assert refused.value.code == int(float(spelled.strip('"')))


def test_a_byte_order_mark_is_skipped() -> None:
    assert _understand(BOM + b'{"access_token":"t"}', ERRCODE) == {"access_token": "t"}


@pytest.mark.parametrize("way", [
    Renewed(repeat=Repeat.KILLS_OLD, overlap=300),
    Renewed(repeat=Repeat.SAME_UNTIL_LEFT, overlap=300),
    Renewed(repeat=Repeat.SAME_UNTIL_END, renew_left=600),
    Renewed(repeat=Repeat.SAME_UNTIL_END),
])  # fmt: skip
@pytest.mark.parametrize("lifetime", [4.0, 40.0, 299.0, 601.0, 7200.0])
@pytest.mark.parametrize("same", [False, True])
def test_however_short_a_life_half_of_it_passes_before_the_next_attempt(
    way: Renewed, lifetime: float, *, same: bool
) -> None:
    clock = VirtualClock()
    fetched = Fetched("v", end_after(clock, lifetime), lifetime, clock.now())
    wait = next_renewal(clock, way, way.overlap, fetched, same=same).remaining(clock)
    assert lifetime / 2 <= wait <= lifetime


def test_one_rid_is_reported() -> None:
    refused = LingpaiError(Kind.UPSTREAM_REFUSED, "invalid code rid: 5f-theirs", code=40029)
    assert WECHAT.shape is not None
    assert (
        WECHAT.shape.error(refused, "ours").body
        == b'{"errcode":40029,"errmsg":"invalid code rid: 5f-theirs"}'
    )
    assert WECHAT.shape.error(LingpaiError(Kind.INTERNAL, "oh"), "ours").body.endswith(b'"oh rid: ours"}')
