"""What a stranger names is fetched, and leads nowhere inside (threats G74, L111)."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from lingpai.issuer.fetcher import (
    BY_HOST,
    MAX_BODY,
    AnswerError,
    Fetcher,
    FetchError,
    check_fetchable,
    is_global,
)
from tests.keeper.certificates import certificate_for

NAME = "client.example"
LOOPBACK = ("127.0.0.0/8", "::1/128")
Write = Callable[[asyncio.StreamWriter, int], Awaitable[None]]

INSIDE = (
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::", "64:ff9b:1::1",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


class Server:
    """Answers on loopback by TLS, under the name of a client, and counts who came."""

    def __init__(self, home: Path, name: str = NAME) -> None:
        self.file = certificate_for(home, name)
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.busy = self.busiest = 0
        self.write: Write = answering(b"{}")
        self.port = 0

    @property
    def url(self) -> str:
        return f"https://{self._name}:{self.port}/keys"

    def fetcher(
        self,
        *,
        resolved: Sequence[str] = ("127.0.0.1",),
        allowed: Sequence[str] = LOOPBACK,
        seconds: float = 5.0,
    ) -> Fetcher:
        async def resolve(_host: str, _port: int) -> Sequence[str]:
            return resolved

        trust = ssl.create_default_context(cafile=str(self.file))
        return Fetcher(allowed, seconds=seconds, resolve=resolve, trust=trust)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.asked.append(head)
                length = re.search(r"(?i)^content-length: (\d+)", head, re.MULTILINE)
                self.bodies.append(await reader.readexactly(int(length[1]) if length else 0))
                await self.write(writer, len(self.asked))
                await writer.drain()
        finally:
            self.busy -= 1
            writer.close()


def answering(body: bytes, status: str = "200 OK", *lines: str) -> Write:
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines, "", "")).encode()

    async def write(writer: asyncio.StreamWriter, _number: int) -> None:
        writer.write(head + body)

    return write


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with Server(tmp_path).running() as served:
        yield served


async def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as raised:
        await fetcher.fetch(url)
    return str(raised.value)


async def test_a_document_is_fetched_without_cookies_and_compression(server: Server) -> None:
    server.write = answering(b'{"keys":[]}', "200 OK", "Set-Cookie: a=b")
    fetcher = server.fetcher()
    assert [await fetcher.fetch(server.url) for _ in range(2)] == [b'{"keys":[]}'] * 2
    assert f"Host: {NAME}:{server.port}".lower() in server.asked[0].lower()
    assert "cookie" not in server.asked[1].lower()
    assert "accept-encoding: identity" in server.asked[0].lower()


@pytest.mark.threat("G74")
@pytest.mark.threat("L111")
@pytest.mark.parametrize("address", INSIDE)
async def test_l111_an_address_inside_is_never_reached(server: Server, address: str) -> None:
    assert not is_global(ip_address(address.partition("%")[0]))
    for resolved in ((address,), ("8.8.8.8", address)):
        said = await refused(server.fetcher(resolved=resolved, allowed=()), server.url)
        assert "not public" in said
    assert not server.asked


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_outside_is_public(address: str) -> None:
    assert is_global(ip_address(address))


@pytest.mark.threat("L111")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "127.1", "2130706433", "0x7f000001"])
async def test_l111_loopback_in_any_spelling(host: str) -> None:
    said = await refused(Fetcher(), f"https://{host}/keys")
    assert "not public" in said or "cannot be reached" in said  # some resolvers do not take the odd ones


@pytest.mark.threat("L111")
async def test_l111_a_name_that_resolves_differently_a_moment_later(server: Server) -> None:
    answers = [("8.8.8.8",), ("127.0.0.1",)]
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), 2) - 1]

    fetcher = Fetcher((), seconds=0.5, resolve=rebinding)
    await refused(fetcher, server.url)
    assert (asked, server.asked) == ([NAME], [])  # the address that was looked at is the one that is tried


@pytest.mark.threat("L111")
@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]
)
async def test_l111_a_redirect_is_not_followed(server: Server, status: str) -> None:
    server.write = answering(b"", status, f"Location: {server.url}/other")
    assert status[:3] in await refused(server.fetcher(), server.url)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", ["204 No Content", "404 Not Found", "500 Internal Server Error"])
async def test_only_an_answer_of_200_counts(server: Server, status: str) -> None:
    server.write = answering(b"", status)
    assert status[:3] in await refused(server.fetcher(), server.url)


@pytest.mark.threat("L111")
async def test_l111_a_body_without_end(server: Server) -> None:
    async def pour(writer: asyncio.StreamWriter, _number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 16_384)
            await writer.drain()

    server.write = pour
    assert "too large" in await refused(server.fetcher(), server.url)


@pytest.mark.threat("L111")
async def test_l111_a_body_of_64_kib_and_no_more(server: Server) -> None:
    server.write = answering(b" " * MAX_BODY)
    assert len(await server.fetcher().fetch(server.url)) == MAX_BODY
    server.write = answering(b" " * (MAX_BODY + 1))
    assert "too large" in await refused(server.fetcher(), server.url)


@pytest.mark.threat("L111")
@pytest.mark.parametrize("length", [True, False], ids=["announced", "unannounced"])
async def test_l111_a_document_of_so_many_bytes_and_no_more(server: Server, length: bool) -> None:
    async def pour(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (99 + number))

    server.write = answering(b" " * 100) if length else pour
    assert len((await server.fetcher().fetch_document(server.url, 100)).body) == 100
    server.write = answering(b" " * 101) if length else pour
    with pytest.raises(AnswerError, match="too large"):
        await server.fetcher().fetch_document(server.url, 100)


async def test_headers_come_in_lower_case(server: Server) -> None:
    server.write = answering(b"{}", "200 OK", "Cache-Control: max-age=600", "X-A: 1", "x-a: 2")
    headers = (await server.fetcher().fetch_document(server.url)).headers
    assert (headers["cache-control"], headers["x-a"]) == ("max-age=600", "2")


@pytest.mark.threat("L111")
@pytest.mark.parametrize("resolved", [(), ("127.0.0.1",), ("10.0.0.1",)], ids=["none", "loopback", "private"])
async def test_l111_only_a_server_outside_is_quoted(server: Server, resolved: Sequence[str]) -> None:
    """What is refused before anybody was reached is another error, whose text stays in the log."""
    with pytest.raises(FetchError) as raised:
        await server.fetcher(resolved=resolved, allowed=()).fetch_document(server.url)
    assert not isinstance(raised.value, AnswerError)
    server.write = answering(b"", "404 Not Found")
    with pytest.raises(AnswerError, match="404"):
        await server.fetcher().fetch_document(server.url)


@pytest.mark.threat("L111")
async def test_l111_a_compressed_body_is_not_unpacked(server: Server) -> None:
    server.write = answering(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip")
    assert "compressed" in await refused(server.fetcher(), server.url)


@pytest.mark.threat("L111")
@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"], ids=["head", "body"]
)
async def test_l111_a_server_that_never_answers(server: Server, head: bytes) -> None:
    async def stall(writer: asyncio.StreamWriter, _number: int) -> None:
        writer.write(head)
        await writer.drain()
        await asyncio.Event().wait()

    server.write = stall
    assert await refused(server.fetcher(seconds=0.3), server.url) == "it took too long"


async def test_two_at_a_time_from_one_host(server: Server) -> None:
    go_on = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter, number: int) -> None:
        if number == BY_HOST:
            go_on.set()
        await go_on.wait()
        await answering(b"{}")(writer, number)

    server.write = wait
    fetcher = server.fetcher(seconds=30)
    assert await asyncio.gather(*(fetcher.fetch(server.url) for _ in range(6))) == [b"{}"] * 6
    assert server.busiest == BY_HOST
    assert not fetcher._turns


async def test_a_certificate_of_nobody(server: Server) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ("127.0.0.1",)

    said = await refused(Fetcher(LOOPBACK, resolve=resolve), server.url)
    assert "SSLCertVerificationError" in said
    assert not server.asked


@pytest.mark.threat("G74")
@pytest.mark.parametrize(
    "url",
    [
        "http://client.example/keys", "file:///etc/passwd", "ftp://client.example/", "client.example/keys", "https://",
        "https:///keys", "https://user@client.example/", "https://a:b@client.example/", "https://client.example/#a",
        "https://client.example:0/", "https://client.example:99999/", "https://[::1/", "https://client.example/\n",
        "https://client.example/" + "a" * 2048, "https://令牌.example/", "", "https://client.example/a b",
        "https://evil.example\\.client.example/", "https://client.example/<a>", 'https://client.example/"',
    ],
)  # fmt: skip
async def test_addresses_that_are_not_fetched(url: str) -> None:
    with pytest.raises(FetchError):
        check_fetchable(url)
    await refused(Fetcher(LOOPBACK), url)


async def test_a_host_without_an_address() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ()

    assert "no address" in await refused(Fetcher(resolve=resolve), "https://client.example/")
