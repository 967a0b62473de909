"""Publishing to a real Redis (yzb.md "The central refresher")."""

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from redis.asyncio import Redis

from lingpai.keeper import renewal
from lingpai.service import open_keeper
from lingpai.settings import Settings, SettingsError, load_settings
from tests.keeper.issued import YZB, Issued, issued

TOKEN_KEY = f"type/server_access_token_info/app_id/{YZB}"
TICKET_KEY = f"type/js_ticket_info/app_id/{YZB}"


@pytest.fixture
def socket() -> Iterator[Path]:
    """Where Redis listens; tmp_path may be too long for a socket."""
    with TemporaryDirectory(prefix="lingpai-redis-") as folder:
        yield Path(folder) / "redis.sock"


@contextlib.asynccontextmanager
async def running(socket: Path) -> AsyncIterator[Redis]:
    """A Redis at this socket."""
    program = shutil.which("redis-server")
    assert program is not None, "tests/prepare.py gets it"
    options = (
        "--port",
        "0",
        "--unixsocket",
        str(socket),
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(socket.parent),
    )
    server = await asyncio.create_subprocess_exec(program, *options, stdout=asyncio.subprocess.PIPE)
    client = Redis(unix_socket_path=str(socket), decode_responses=True)
    try:
        assert server.stdout is not None
        async for line in server.stdout:
            if b"eady to accept connections" in line:
                break
        assert await client.ping()
        yield client
    finally:
        await client.aclose()
        server.terminate()
        await server.communicate()


@pytest.fixture
async def redis(socket: Path) -> AsyncIterator[Redis]:
    async with running(socket) as client:
        yield client


@contextlib.asynccontextmanager
async def published(tmp_path: Path, socket: Path) -> AsyncIterator[Issued]:
    async with issued(tmp_path, redis={"url": f"unix://{socket}"}) as harness:
        await harness.add()
        yield harness


async def info(redis: Redis, key: str) -> dict[str, Any]:
    """What is published under a key."""
    text = await redis.get(key)
    assert isinstance(text, str)
    found: dict[str, Any] = json.loads(text)
    return found


async def settled(harness: Issued) -> None:
    """Comes back when all that is to be published was."""
    publisher: Any = getattr(harness.keeper.publish, "__self__", None)
    assert publisher is not None
    await publisher.finish()


async def test_what_is_fetched_is_published_in_the_readers_form(
    tmp_path: Path, socket: Path, redis: Redis
) -> None:
    async with published(tmp_path, socket) as harness:
        token, ticket = await harness.held(YZB), await harness.held(YZB, "js_ticket")
        await settled(harness)
        ends = int(harness.clock.now()) + 7200
        assert sorted(await redis.keys()) == [TICKET_KEY, TOKEN_KEY]
        assert await redis.get(TOKEN_KEY) == (
            f'{{"server_access_token":"{token["value"]}","expires_in":{ends}}}'
        )
        assert (await info(redis, TICKET_KEY)) == {"js_ticket": ticket["value"], "expires_in": ends}
        for key in (TOKEN_KEY, TICKET_KEY):
            assert 7190 <= await redis.ttl(key) <= 7200


async def test_each_new_generation_takes_the_place(tmp_path: Path, socket: Path, redis: Redis) -> None:
    async with published(tmp_path, socket) as harness:
        first = await harness.held(YZB)
        await harness.pass_time(7000, 60)
        second = await harness.held(YZB)
        await settled(harness)
        found = (await info(redis, TOKEN_KEY))["server_access_token"]
        assert found == second["value"] != first["value"]


async def test_a_lost_publish_heals(tmp_path: Path, socket: Path) -> None:
    """Redis was down, or lost what it had: the leader publishes it again, with what is left."""
    async with published(tmp_path, socket) as harness:
        token, ends = await harness.held(YZB), int(harness.clock.now()) + 7200
        await settled(harness)
        async with running(socket) as redis:
            harness.clock.advance(100)
            background = asyncio.create_task(renewal.run(harness.keeper))
            try:
                for _ in range(400):
                    if await redis.exists(TOKEN_KEY):
                        break
                    harness.clock.advance(0.5)
                    await asyncio.sleep(0.005)
            finally:
                background.cancel()
                await asyncio.gather(background, return_exceptions=True)
            found = await info(redis, TOKEN_KEY)
            assert found["server_access_token"] == token["value"]
            assert ends - 1 <= found["expires_in"] <= ends
            assert await redis.ttl(TOKEN_KEY) <= 7100


async def test_a_redis_that_is_down_disturbs_nobody(
    tmp_path: Path, socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with published(tmp_path, socket) as harness:
        token = await harness.held(YZB)
        assert token["expires_in"] == 7200
        await settled(harness)
        assert harness.keeper.reconcile is not None
        harness.keeper.reconcile()
        await settled(harness)
        failures = [each.msg for each in caplog.records if "publishing_failed" in str(each.msg)]
        assert len(failures) == 2  # the reconciliation gives up at its first failure
        assert not any(token["value"] in str(each) or str(socket) in str(each) for each in failures)
        assert (await harness.held(YZB))["value"] == token["value"]


async def test_a_redis_that_says_nothing_disturbs_nobody(
    tmp_path: Path, socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lingpai.keeper.publishing.TIMEOUT", 0.2)
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        gone.set()

    server = await asyncio.start_unix_server(silent, socket)
    async with server:
        async with published(tmp_path, socket) as harness:
            async with asyncio.timeout(5):
                assert (await harness.held(YZB))["version"] == 1
                await settled(harness)
        await gone.wait()


async def test_the_last_to_publish_has_read_the_newest(tmp_path: Path, socket: Path, redis: Redis) -> None:
    """A worker that was slow must not leave an older token behind."""
    async with published(tmp_path, socket) as harness:
        first = await harness.held(YZB)
        await settled(harness)
        app = harness.keeper.app_of((await harness.keeper.store.list_accounts())[0])
        publisher: Any = getattr(harness.keeper.publish, "__self__", None)
        assert publisher is not None
        whole, renewed = publisher._redis.set, False

        async def slow(*args: Any, **options: Any) -> Any:
            nonlocal renewed
            if not renewed:
                renewed = True
                await harness.keeper.store.mark_suspect(app.key("access_token"), 1)
                publish, harness.keeper.publish = (
                    harness.keeper.publish,
                    None,
                )  # another process publishes before us
                newer = await harness.held(YZB)
                harness.keeper.publish = publish
                await redis.set(TOKEN_KEY, newer["value"])
            return await whole(*args, **options)

        publisher._redis.set = slow
        publisher.reconcile()
        await settled(harness)
        found = (await info(redis, TOKEN_KEY))["server_access_token"]
        assert found == (await harness.held(YZB))["value"] != first["value"]


async def test_other_platforms_stay_private(tmp_path: Path, socket: Path, redis: Redis) -> None:
    async with issued(tmp_path, redis={"url": f"unix://{socket}"}) as harness:
        await harness.add("client-002")
        await harness.held("client-002")
        assert harness.keeper.reconcile is not None
        harness.keeper.reconcile()
        await settled(harness)
        assert await redis.keys() == []


async def test_nothing_is_published_unless_asked_for(tmp_path: Path) -> None:
    async with issued(tmp_path) as harness:
        assert harness.keeper.publish is None
        assert harness.keeper.reconcile is None


def test_a_wrong_address_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGPAI_REDIS__URL", "http://:hunter2@127.0.0.1")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert "redis.url" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGPAI_REDIS__URL", "redis://:hunter2@127.0.0.1")
    assert "hunter2" not in repr(load_settings())


async def test_the_extra_is_named_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lingpai.keeper.publishing", None)
    settings = Settings(data=tmp_path / "data", redis={"url": "redis://127.0.0.1"})  # type: ignore[arg-type]  # pydantic builds the section
    with pytest.raises(SettingsError, match=r"lingpai\[redis\]"):
        async with open_keeper(settings):
            pass


async def test_a_ticket_is_published_before_anybody_asks_for_it(
    tmp_path: Path, socket: Path, redis: Redis
) -> None:
    async with published(tmp_path, socket) as harness:
        reconcile = harness.keeper.reconcile
        assert reconcile is not None
        reconcile()
        await settled(harness)
        assert sorted(await redis.keys()) == [TICKET_KEY, TOKEN_KEY]
        found = (await info(redis, TICKET_KEY))["js_ticket"]
        assert (await harness.held(YZB, "js_ticket"))["value"] == found
