"""Bodies of forwarded calls over real connections: large ones, slow ones, and callers that go away."""

import asyncio
import contextlib
import html
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import aiohttp
import pytest
from aiohttp import web

from lingpai.core.clock import VirtualClock
from tests.edge.running_edge import running
from tests.keeper.harness import APP, played

CALL = "/cgi-bin/media/x"
PATH = f"/v1/forward/wechat/{APP['appid']}{CALL}"
MIB = 1024 * 1024
PIECE = bytes(range(256)) * 256


class Platform:
    """A platform of which a test decides what it answers to `/cgi-bin/media/x`."""

    def __init__(self) -> None:
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = self.count
        self.tokens = 0
        self.real = ""
        self.cancelled = asyncio.Event()

    async def token(self, _request: web.Request) -> web.Response:
        self.tokens += 1
        token = self.real or f"real-{self.tokens}" + "x" * 60
        return web.json_response({"access_token": token, "expires_in": 7200})

    async def call(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self.answer(request)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    @staticmethod
    async def count(request: web.Request) -> web.StreamResponse:
        got = 0
        async for piece in request.content.iter_any():
            got += len(piece)
        return web.json_response({"errcode": 0, "got": got, "length": request.headers.get("content-length")})


@pytest.fixture
async def platform() -> AsyncIterator[tuple[Platform, str]]:
    made = Platform()
    app = web.Application(client_max_size=1 << 40)
    app.router.add_route("*", "/cgi-bin/stable_token", made.token)
    app.router.add_route("*", "/cgi-bin/media/x", made.call)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    yield made, f"http://127.0.0.1:{port}"
    await runner.cleanup()


class House:
    """A service over that platform, asked over real connections."""

    def __init__(self, url: str, key: str, phantom: str, revoke: Callable[[], Awaitable[bool]]) -> None:
        self.url = url + PATH
        self.headers = {"authorization": f"Bearer {key}"}
        self.drop_in = f"{url}{CALL}?access_token={phantom}"
        self.revoke = revoke


@contextlib.asynccontextmanager
async def house_of(
    tmp_path: Path, url: str, **forward: Any
) -> AsyncIterator[tuple[House, aiohttp.ClientSession]]:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
        played(
            tmp_path, VirtualClock(), url, session, forward={"body_limit": 128 * MIB, **forward}
        ) as harness,
        running(harness.app) as edge,
    ):
        await harness.add_app()
        key = await harness.add_caller("forwarder", rights=("forward",), hand_out="phantom")
        fields = {**APP, "grant_type": "client_credential", "secret": key}
        phantom = (await harness.get("/cgi-bin/token", **fields)).json["access_token"]
        house = House(
            f"http://127.0.0.1:{edge.port}",
            key,
            phantom,
            lambda: harness.keeper.store.revoke_caller("forwarder"),
        )
        yield house, session


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def pieces(total: int, seen: list[int]) -> AsyncIterator[bytes]:
    for _ in range(total // len(PIECE)):
        seen.append(resident())
        yield PIECE


@pytest.mark.parametrize("known", [True, False])
async def test_an_upload_of_100_mib_is_not_kept(
    tmp_path: Path, platform: tuple[Platform, str], known: bool
) -> None:
    async with house_of(tmp_path, platform[1]) as (house, session):
        seen = [resident()]
        headers = house.headers | ({"content-length": str(100 * MIB)} if known else {})
        async with session.post(house.url, data=pieces(100 * MIB, seen), headers=headers) as answer:
            reply = await answer.json()
        assert reply == {"errcode": 0, "got": 100 * MIB, "length": str(100 * MIB) if known else None}
        assert max(seen) - seen[0] < 16 * MIB


async def test_a_download_of_100_mib_is_not_kept(tmp_path: Path, platform: tuple[Platform, str]) -> None:
    seen: list[int] = []

    async def send(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"content-type": "image/jpeg", "content-length": str(100 * MIB)}
        )
        await response.prepare(request)
        async for piece in pieces(100 * MIB, seen):
            await response.write(piece)
        return response

    platform[0].answer = send
    async with house_of(tmp_path, platform[1]) as (house, session):
        before, got = resident(), 0
        async with session.get(house.url, headers=house.headers) as answer:
            assert answer.headers["content-type"] == "image/jpeg"
            async for piece in answer.content.iter_any():
                got += len(piece)
        assert got == 100 * MIB
        assert max(seen) - before < 16 * MIB


async def test_a_caller_that_goes_away_ends_the_call(tmp_path: Path, platform: tuple[Platform, str]) -> None:
    begun = asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    platform[0].answer = wait
    async with house_of(tmp_path, platform[1]) as (house, session):
        asking = asyncio.create_task(session.get(house.url, headers=house.headers))
        await begun.wait()
        asking.cancel()
        async with asyncio.timeout(10):
            await platform[0].cancelled.wait()


@pytest.mark.parametrize("drop_in", [False, True])
async def test_a_key_that_is_revoked_in_mid_stream_ends_with_that_call(
    tmp_path: Path, platform: tuple[Platform, str], drop_in: bool
) -> None:
    half, go_on = asyncio.Event(), asyncio.Event()

    async def send(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "video/mp4", "content-length": "6"})
        await response.prepare(request)
        await response.write(b"abc")
        half.set()
        await go_on.wait()
        await response.write(b"def")
        return response

    platform[0].answer = send
    async with house_of(tmp_path, platform[1]) as (house, session):
        url, headers = (house.drop_in, {}) if drop_in else (house.url, house.headers)
        async with session.get(url, headers=headers) as answer:
            await half.wait()
            assert await house.revoke()
            go_on.set()
            assert await answer.read() == b"abcdef"
        async with session.get(url, headers=headers) as refused:
            if drop_in:
                assert (await refused.json())["errcode"] == 40001
            else:
                assert refused.status == 401


async def test_a_platform_that_stalls_is_given_up(tmp_path: Path, platform: tuple[Platform, str]) -> None:
    async def silent(_request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "video/mp4", "content-length": "6"})
        await response.prepare(request)
        await response.write(b"abc")
        return await silent(request)

    async with house_of(tmp_path, platform[1], stall=0.2) as (house, session):
        platform[0].answer = silent
        async with session.get(house.url, headers=house.headers) as answer:
            assert (answer.status, (await answer.json())["error"]) == (502, "upstream_unavailable")
        platform[0].answer = half
        async with session.get(house.url, headers=house.headers) as answer:
            assert answer.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()


async def test_a_caller_that_stalls_in_a_large_upload_is_given_up(
    tmp_path: Path, platform: tuple[Platform, str]
) -> None:
    async def halting() -> AsyncIterator[bytes]:
        yield PIECE * 32
        await asyncio.Event().wait()

    async with house_of(tmp_path, platform[1], stall=0.3) as (house, session):
        headers = house.headers | {"content-length": str(4 * MIB)}
        with contextlib.suppress(aiohttp.ClientError):
            async with session.post(house.url, data=halting(), headers=headers) as answer:
                assert answer.status in {408, 502}


async def test_a_body_over_the_limit_is_413(tmp_path: Path, platform: tuple[Platform, str]) -> None:
    async with house_of(tmp_path, platform[1], body_limit=2 * MIB) as (house, session):
        for headers in (house.headers, house.headers | {"content-length": str(3 * MIB)}):
            with contextlib.suppress(aiohttp.ClientOSError):
                async with session.post(house.url, data=pieces(3 * MIB, []), headers=headers) as answer:
                    assert answer.status == 413


@pytest.mark.parametrize("size", [3, 100_000])
async def test_documents_of_any_size_and_encoding_come_back_whole(
    tmp_path: Path, platform: tuple[Platform, str], size: int
) -> None:
    async def compressed(_request: web.Request) -> web.StreamResponse:
        response = web.json_response({"errcode": 0, "text": "你" * size})
        response.enable_compression()
        return response

    platform[0].answer = compressed
    async with house_of(tmp_path, platform[1]) as (house, session):
        async with session.get(house.url, headers=house.headers) as answer:
            assert (await answer.json())["text"] == "你" * size
        async with session.head(house.url, headers=house.headers) as answer:
            assert answer.status == 200


async def test_the_length_that_an_answer_to_head_names_is_kept(
    tmp_path: Path, platform: tuple[Platform, str]
) -> None:
    async def document(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"errcode": 0, "text": "x" * 300})

    platform[0].answer = document
    async with house_of(tmp_path, platform[1]) as (house, session):
        async with session.get(house.url, headers=house.headers) as answer:
            length = answer.headers["content-length"]
        async with session.head(house.url, headers=house.headers) as answer:
            assert (answer.status, answer.headers["content-length"]) == (200, length)


@pytest.mark.parametrize(
    "kind", ["application/json", "text/xml", "application/problem+json", "image/svg+xml"]
)
async def test_a_token_is_hidden_however_it_is_spelt(
    tmp_path: Path, platform: tuple[Platform, str], kind: str
) -> None:
    real = 'r+/=&"'
    spelt = (real, quote(real, safe=""), quote(real, safe="").lower(), json.dumps(real)[1:-1], html.escape(real),
             json.dumps(real).replace("/", r"\/")[1:-1])  # fmt: skip

    async def repeat(_request: web.Request) -> web.StreamResponse:
        location = f"https://elsewhere.example/?access_token={quote(real, safe='')}"
        return web.Response(body="\n".join(spelt).encode(), content_type=kind, headers={"location": location})

    platform[0].answer, platform[0].real = repeat, real
    async with (
        house_of(tmp_path, platform[1]) as (house, session),
        session.get(house.drop_in, headers=house.headers) as answer,
    ):
        content = await answer.text()
    shown = parse_qs(urlsplit(house.drop_in).query)["access_token"][0]
    assert content.startswith(f"{shown}\n{quote(shown, safe='')}\n")
    assert not any(each in content for each in spelt)
    assert answer.headers["location"].partition("=")[2] == quote(shown, safe="")
