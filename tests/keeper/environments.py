"""Environments as tests play them, and a platform that pushes messages to the relay."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from lingpai.core.message_crypto import MessageCipher, signature
from lingpai.core.message_fields import read_fields, write_fields
from lingpai.core.relays import Environment, Relay
from lingpai.keeper.relay.copying import Copies
from lingpai.sandbox import SAMPLE_APP
from tests.helpers.direct import Result
from tests.keeper.harness import Harness

APP = f"wechat/{SAMPLE_APP.appid}"
MESSAGES = f"/relay/{APP}/messages"
TOKEN = "platformtoken"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
LOCAL = {"hook_networks": ["127.0.0.0/8"]}
"""Settings of a keeper that reaches what runs here."""
_numbers = itertools.count(1)


class Receiver:
    """An environment's server, of which a test decides what it answers."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.more = asyncio.Event()
        self.status = 200
        self.answer: Callable[[bytes], str] = lambda _body: "success"
        self.before: Callable[[], Awaitable[Any]] | None = None

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append((dict(request.query), body))
        self.more.set()
        if self.before is not None:
            await self.before()
        return web.Response(status=self.status, text=self.answer(body), content_type="text/xml")

    @property
    def contents(self) -> list[str]:
        """The texts that came, of messages in clear."""
        return [read_fields(body)["Content"] for _, body in self.got]

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.got) < count:
                self.more.clear()
                await self.more.wait()


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """An environment that runs."""
    made = Receiver()
    app = web.Application()
    app.router.add_post("/messages", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/messages"
    yield made
    await runner.cleanup()


@contextlib.asynccontextmanager
async def copying(harness: Harness) -> AsyncIterator[None]:
    """Copies are delivered."""
    running = asyncio.create_task(Copies(harness.keeper).run())
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def relayed(harness: Harness, **fields: Any) -> Relay:
    """A relay of the sample app."""
    relay = Relay(app=APP, **{"token": TOKEN, **fields})
    assert await harness.keeper.store.replace_relay(None, relay)
    return relay


async def environment(harness: Harness, name: str, receiver: Receiver | None = None, **fields: Any) -> None:
    """An environment of the sample app."""
    url = "" if receiver is None else receiver.url
    made = Environment(name=name, **{"app": APP, "url": url, **fields})
    assert await harness.keeper.store.replace_environment(None, made)


def text(content: str = "hello", **fields: str) -> dict[str, str]:
    """A message, whose id no other has."""
    number = str(next(_numbers))
    return {
        "ToUserName": "gh_1",
        "FromUserName": "oAlice",
        "CreateTime": "1700000000",
        "MsgType": "text",
        "Content": content,
        "MsgId": number,
        **fields,
    }


def event(name: str, key: str = "", **fields: str) -> dict[str, str]:
    """An event, which has no id."""
    made = text(MsgType="event", Event=name, EventKey=key, **fields)
    del made["MsgId"]
    return made


def signed(harness: Harness, token: str = TOKEN, *further: str, at: float | None = None) -> dict[str, str]:
    """The parameters of a push; with `further`, `msg_signature` is over those too."""
    stamp, nonce = str(int(harness.keeper.clock.now() if at is None else at)), f"n{next(_numbers)}"
    made = {"signature": signature(token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
    if further:
        made |= {"encrypt_type": "aes", "msg_signature": signature(token, stamp, nonce, *further)}
    return made


async def push(
    harness: Harness, fields: dict[str, str], *, path: str = MESSAGES, query: dict[str, str] | None = None
) -> Result:
    """RelayMessage a message in clear, as the platform does."""
    return await push_bytes(harness, write_fields(fields), query or signed(harness), path)


async def push_sealed(
    harness: Harness, fields: dict[str, str], key: str = KEY, receiver: str = SAMPLE_APP.appid
) -> Result:
    """RelayMessage an encrypted message, as the platform does."""
    sealed = MessageCipher(key).encrypt(write_fields(fields), receiver)
    body = write_fields({"ToUserName": "gh_1", "Encrypt": sealed})
    return await push_bytes(harness, body, signed(harness, TOKEN, sealed))


async def push_bytes(harness: Harness, body: bytes, query: dict[str, str], path: str = MESSAGES) -> Result:
    address = f"{path}?{urlencode(query)}"
    return await harness.client.ask("POST", address, headers={"content-type": "text/xml"}, body=body)
