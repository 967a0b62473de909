"""Webhooks: what happens to accounts is posted in order, at least once, signed, and again after failures."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from lingpai.core.hooks import ACTIVE, ASIDE, ENDED, Hook
from lingpai.keeper import deliveries
from lingpai.keeper.deliveries import DELAYS, Deliveries
from lingpai.keeper.hooks import new_secret, rotated, signed
from lingpai.operating.hook_posts import posting
from lingpai.sandbox import SAMPLE_APP
from tests.keeper.harness import HELD, Harness

NAME = f"wechat/{SAMPLE_APP.appid}"
LOCAL = ("127.0.0.0/8",)
WAIT = 20.0


class Receiver:
    """Somebody's server, of which a test decides what it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: Callable[[int], int] = lambda _count: 204
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.more = asyncio.Event()
        self.slow: asyncio.Event | None = None

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((headers, await request.read()))
        self.more.set()
        status = self.answer(len(self.got))
        if self.slow is not None:
            await self.slow.wait()
        return web.Response(status=status, headers={"location": self.url} if status == 302 else None)

    @property
    def deliveries(self) -> list[tuple[str, str, int]]:
        """Id, type and version of what came."""
        found = []
        for headers, body in self.got:
            event = json.loads(body)
            found.append((headers["webhook-id"], event["type"], event["data"].get("version", 0)))
        return found

    async def until(self, count: int) -> None:
        async with asyncio.timeout(WAIT):
            while len(self.got) < count:
                self.more.clear()
                await self.more.wait()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    made.url = f"http://127.0.0.1:{port}/hook"
    yield made
    await runner.cleanup()


async def hooked(harness: Harness, receiver: Receiver, name: str = "ops", **fields: Any) -> Hook:
    hook = Hook(name=name, secret=new_secret(), **{"url": receiver.url, **fields})
    assert await harness.keeper.store.add_hook(hook)
    return hook


@contextlib.asynccontextmanager
async def delivering(
    harness: Harness, networks: tuple[str, ...] = LOCAL, seconds: float = WAIT
) -> AsyncIterator[None]:
    running = asyncio.create_task(Deliveries(harness.keeper, posting(networks, seconds)).run())
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def stored(harness: Harness, name: str = "ops") -> Hook:
    found = await harness.keeper.store.find_hook(name)
    assert found is not None
    return found


async def until(harness: Harness, wanted: Callable[[Hook], bool]) -> Hook:
    async with asyncio.timeout(WAIT):
        while not wanted(hook := await stored(harness)):  # noqa: ASYNC110  the store says nothing
            await asyncio.sleep(0.01)
    return hook


def failed_times(number: int) -> Callable[[Hook], bool]:
    return lambda each: each.failures == number


async def test_events_come_in_order_and_signed(own: Harness, receiver: Receiver) -> None:
    hook = await hooked(own, receiver)
    async with delivering(own):
        await own.token()
        await own.get(HELD, kind="jsapi_ticket")
        await receiver.until(2)
        assert (await until(own, lambda each: each.position == 2)).failures == 0
    assert receiver.deliveries == [("evt_1", "token.renewed", 1), ("evt_2", "ticket.renewed", 1)]
    headers, body = receiver.got[0]
    assert headers["content-type"] == "application/json"
    expected = signed(hook, "evt_1", float(headers["webhook-timestamp"]), body)
    assert {name: headers[name] for name in expected} == expected
    assert set(json.loads(body)) == {"type", "timestamp", "data"}
    assert (await own.token()).encode() not in body


async def test_a_hook_receives_its_apps_and_types_alone(own: Harness, receiver: Receiver) -> None:
    await hooked(own, receiver, apps=(NAME,), types=("ticket.renewed",))
    async with delivering(own):
        await own.token()
        await own.get(HELD, kind="jsapi_ticket")
        await receiver.until(1)
        await until(own, lambda each: each.position == 2)
    assert receiver.deliveries == [("evt_2", "ticket.renewed", 1)]


async def test_a_failed_attempt_is_repeated_later_and_delays_what_comes_after(
    own: Harness, receiver: Receiver
) -> None:
    await hooked(own, receiver)
    receiver.answer = lambda count: 204 if count > 3 else (500, 302, 429)[count - 1]
    async with delivering(own):
        await own.token()
        for number, delay in enumerate(DELAYS[:3], 1):
            failed = await until(own, failed_times(number))
            assert failed.next_at - own.clock.now() == pytest.approx(delay, rel=0.11)
            await own.get(HELD, kind="jsapi_ticket")
            own.clock.advance(delay * 1.2)
        await receiver.until(5)
    assert [each[0] for each in receiver.deliveries] == ["evt_1"] * 4 + ["evt_2"]
    stamps = [int(headers["webhook-timestamp"]) for headers, _ in receiver.got]
    assert stamps == sorted(stamps)
    assert stamps[0] < stamps[3]


async def test_a_hook_is_set_aside_after_the_last_attempt_and_replayed(
    own: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "DELAYS", DELAYS[:2])
    await hooked(own, receiver)
    receiver.answer = lambda _count: 503
    async with delivering(own):
        await own.token()
        for number in (1, 2):
            await until(own, failed_times(number))
            own.clock.advance(100)
        aside = await until(own, lambda each: each.state == ASIDE)
        assert (aside.position, aside.failures, aside.problem) == (0, 3, "it answers 503")
        receiver.answer = lambda _count: 200
        own.clock.advance(10)
        await own.get(HELD, kind="jsapi_ticket")
        await asyncio.sleep(0.3)
        assert len(receiver.got) == 3
        again = msgspec.structs.replace(aside, state=ACTIVE, failures=0, next_at=0.0, problem="")
        assert await own.keeper.store.replace_hook(aside, again)
        await receiver.until(5)
    assert [each[0] for each in receiver.deliveries] == ["evt_1"] * 4 + ["evt_2"]


async def test_a_receiver_that_is_slow_counts_as_one_that_failed(own: Harness, receiver: Receiver) -> None:
    await hooked(own, receiver)
    receiver.slow = asyncio.Event()
    async with delivering(own, seconds=0.2):
        await own.token()
        failed = await until(own, failed_times(1))
        assert failed.problem == "it took too long"
    receiver.slow.set()
    own.clock.advance(DELAYS[0] * 1.2)
    async with delivering(own):
        assert (await until(own, lambda each: each.position == 1)).failures == 0
    assert {each[0] for each in receiver.deliveries} == {"evt_1"}


@pytest.mark.parametrize("how", ["nobody listens", "no answer", "half an answer"])
async def test_a_receiver_that_dies_gets_the_event_again(own: Harness, receiver: Receiver, how: str) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if how == "half an answer":
            writer.write(b"HTTP/1.1 20")
            await writer.drain()
        writer.transport.abort()

    dying = await asyncio.start_server(die, "127.0.0.1", 0)
    port = dying.sockets[0].getsockname()[1]
    if how == "nobody listens":
        dying.close()
        await dying.wait_closed()
    hook = await hooked(own, receiver, url=f"http://127.0.0.1:{port}/hook")
    async with delivering(own):
        await own.token()
        failed = await until(own, failed_times(1))
        assert failed.problem.startswith("it cannot be reached: ")
        assert await own.keeper.store.replace_hook(failed, msgspec.structs.replace(failed, url=receiver.url))
        own.clock.advance(DELAYS[0] * 1.2)
        await receiver.until(1)
        assert (await until(own, lambda each: each.position == 1)).failures == 0
    assert receiver.deliveries == [("evt_1", "token.renewed", 1)]
    assert hook.position == 0
    dying.close()


async def test_a_receiver_that_hangs_delays_no_other(own: Harness, receiver: Receiver) -> None:
    hanging = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hanging.set()
        await released.wait()
        writer.close()

    released = asyncio.Event()
    server = await asyncio.start_server(hang, "127.0.0.2", 0)
    port = server.sockets[0].getsockname()[1]
    await hooked(own, receiver, "hanging", url=f"http://127.0.0.2:{port}/hook")
    await hooked(own, receiver)
    async with delivering(own):
        await own.token()
        await hanging.wait()
        await own.get(HELD, kind="jsapi_ticket")
        await receiver.until(2)
        await until(own, lambda each: each.position == 2)
        assert (await stored(own, "hanging")).position == 0
    released.set()
    server.close()


async def test_versions_of_one_credential_come_in_order(own: Harness, receiver: Receiver) -> None:
    """Every second attempt fails, so newer versions wait behind older ones again and again."""
    await hooked(own, receiver, types=("token.renewed",))
    receiver.answer = lambda count: 500 if count % 2 else 204
    async with delivering(own):
        for version in range(1, 5):
            await own.token()
            await until(own, failed_times(1))
            own.clock.advance(7_300)  # past the retry, and the token's end
            await until(own, lambda each: each.position > 0 and each.failures == 0)
            await receiver.until(2 * version)
    assert [each[2] for each in receiver.deliveries] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert [each[1] for each in receiver.deliveries] == ["token.renewed"] * 8


async def test_410_ends_it(own: Harness, receiver: Receiver) -> None:
    await hooked(own, receiver)
    receiver.answer = lambda _count: 410
    async with delivering(own):
        await own.token()
        ended = await until(own, lambda each: each.state == ENDED)
        assert ended.position == 0
    assert len(receiver.got) == 1


async def test_both_secrets_sign_during_a_rotation(own: Harness, receiver: Receiver) -> None:
    hook = await hooked(own, receiver)
    fresh = rotated(hook, new_secret(), own.clock.now() + 60)
    assert await own.keeper.store.replace_hook(hook, fresh)
    async with delivering(own):
        await own.token()
        await receiver.until(1)
        own.clock.advance(61)
        await own.get(HELD, kind="jsapi_ticket")
        await receiver.until(2)
    both, one = (headers["webhook-signature"].split() for headers, _ in receiver.got)
    headers, body = receiver.got[0]
    at = float(headers["webhook-timestamp"])
    assert both == [
        signed(msgspec.structs.replace(hook, secret=secret), "evt_1", at, body)["webhook-signature"]
        for secret in (fresh.secret, hook.secret)
    ]
    assert len(one) == 1


async def test_nothing_is_lost_when_the_worker_dies_before_it_wrote_down_a_delivery(
    own: Harness, receiver: Receiver
) -> None:
    await hooked(own, receiver)
    arrived = asyncio.Event()
    real = posting(LOCAL)

    async def die(url: str, body: bytes, headers: Any) -> int:
        await real(url, body, headers)
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    running = asyncio.create_task(Deliveries(own.keeper, die).run())
    await own.token()
    await arrived.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    async with delivering(own):
        await receiver.until(2)
        await until(own, lambda each: each.position == 1)
    assert [each[0] for each in receiver.deliveries] == ["evt_1", "evt_1"]


async def test_a_gap_is_delivered(own: Harness, receiver: Receiver) -> None:
    await hooked(own, receiver)
    await own.token()
    own.clock.advance(8 * 86_400)
    await own.keeper.store.purge(10)
    async with delivering(own):
        await own.get(HELD, kind="jsapi_ticket")
        await receiver.until(3)
    assert [each[1] for each in receiver.deliveries] == ["gap", "token.renewed", "ticket.renewed"]


@pytest.mark.threat("G74")
@pytest.mark.parametrize("networks", [(), ("10.0.0.0/8",)])
async def test_no_address_inside_is_reached_unless_it_is_allowed(
    own: Harness, receiver: Receiver, networks: tuple[str, ...]
) -> None:
    await hooked(own, receiver)
    async with delivering(own, networks):
        await own.token()
        failed = await until(own, lambda each: each.failures == 1)
    assert receiver.got == []
    assert "networks that are allowed" in failed.problem


async def test_changes_by_operators_meanwhile_stay(own: Harness, receiver: Receiver) -> None:
    await hooked(own, receiver)
    release = asyncio.Event()
    real = posting(LOCAL)

    async def slow(url: str, body: bytes, headers: Any) -> int:
        await release.wait()
        return await real(url, body, headers)

    running = asyncio.create_task(Deliveries(own.keeper, slow).run())
    await own.token()
    await asyncio.sleep(0.2)
    known = await stored(own)
    assert await own.keeper.store.replace_hook(known, msgspec.structs.replace(known, apps=(NAME,)))
    release.set()
    moved = await until(own, lambda each: each.position == 1)
    assert moved.apps == (NAME,)
    assert len(receiver.got) == 1
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def test_secrets_are_not_shown() -> None:
    hook = Hook(name="ops", url="https://a.example", secret=new_secret())
    assert hook.secret not in repr(hook)
