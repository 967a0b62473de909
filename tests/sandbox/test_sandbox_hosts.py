"""The sandbox answers by names that nobody outside can own, so that no web page reads its secrets (DNS rebinding)."""

import asyncio
from urllib.parse import urlsplit

import pytest

from lingpai.sandbox import SandboxOptions
from tests.helpers.sandbox import running_sandbox


async def status_of(url: str, target: str, *lines: str) -> int:
    reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    writer.write("\r\n".join([f"GET {target} HTTP/1.1", *lines, "connection: close", "", ""]).encode())
    first = await reader.readline()
    writer.close()
    return int(first.split()[1])


@pytest.mark.parametrize("target", ["/_sandbox/accounts", "/_sandbox/calls", "/cgi-bin/token", "/anything"])
async def test_a_rebound_name_gets_nothing(target: str) -> None:
    with running_sandbox(SandboxOptions(hosts=("sandbox.corp.example",))) as url:
        for host in ("evil.example", "127.0.0.1.nip.io:8001", "x.sandbox.corp.example"):
            assert await status_of(url, target, f"host: {host}") == 403
        for host in ("localhost:8001", "127.0.0.1", "sandbox", "sandbox.corp.example:80"):
            assert await status_of(url, target, f"host: {host}") == 200


@pytest.mark.parametrize("lines", [(), ("host: a", "host: a"), ("host: a, b",)])
async def test_no_host_or_several_are_400(lines: tuple[str, ...]) -> None:
    with running_sandbox() as url:
        assert await status_of(url, "/_sandbox/accounts", *lines) == 400
