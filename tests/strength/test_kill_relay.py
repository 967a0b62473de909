"""kill -9 of the worker that delivers copies and asks the primary: none is lost, what was under way comes again."""

import asyncio
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from lingpai.core.message_crypto import signature
from lingpai.core.message_fields import read_fields, write_fields
from lingpai.core.relays import Environment, Relay
from lingpai.keeper.keeper import Keeper
from lingpai.sandbox import SAMPLE_APP
from lingpai.service import open_keeper
from lingpai.settings import load_settings
from tests.strength.harness import APP, open_harness
from tests.strength.receivers import WAIT, Receiver, owner, receiving
from tests.strength.services import Service

RELAYED = f"wechat/{SAMPLE_APP.appid}"
TOKEN = "platformtoken"
BEFORE, MEANWHILE = 3, 4
"""Messages before the worker is killed, and while no worker delivers copies."""
UNDER_WAY = BEFORE + 1
LOCAL: dict[str, Any] = {"KEEPER__HOOK_NETWORKS": '["127.0.0.0/8"]'}


def _read(_headers: Message, body: bytes) -> int:
    return int(read_fields(body)["Content"])


@pytest.fixture
def prod() -> Iterator[Receiver]:
    with receiving(_read, b"success") as made:
        yield made


@pytest.fixture
def dev() -> Iterator[Receiver]:
    with receiving(_read, b"success") as made:
        yield made


@pytest.mark.timeout(240)
@pytest.mark.threat("K95")
def test_no_message_is_lost_when_the_worker_that_has_it_is_killed(
    own_folder: Path, store: str, prod: Receiver, dev: Receiver
) -> None:
    """Three processes on PostgreSQL, two on SQLite."""
    with open_harness(own_folder, store=store) as harness, ThreadPoolExecutor(1) as aside:
        harness.add(APP)
        _with_keeper(own_folder, store, lambda keeper: _configure(keeper, prod.url, dev.url))
        services = [harness.serve(**LOCAL) for _ in range(3 if store else 2)]
        try:
            leader = _leader(services, dev)
            for number in range(1, UNDER_WAY):
                _push_at_all(services, number)
            _with_keeper(own_folder, store, _nothing_waits)
            dev.free.clear()
            prod.held = dev.held = UNDER_WAY + 1
            lost = aside.submit(_push, leader, UNDER_WAY)
            prod.until(UNDER_WAY + 1)
            dev.until(UNDER_WAY + 1)
            assert owner(services, prod.ports[-1]) is leader
            leader.kill()
            with pytest.raises((urllib.error.URLError, OSError)):
                lost.result(WAIT)
            survivors = [each for each in services if each is not leader]
            for number in range(UNDER_WAY, UNDER_WAY + 1 + MEANWHILE):
                _push_at_all(survivors, number)
            _with_keeper(own_folder, store, _nothing_waits)
        finally:
            prod.free.set()
            dev.free.set()
            for service in services:
                service.kill()
    expected = Counter(range(UNDER_WAY + MEANWHILE + 1)) + Counter([UNDER_WAY])
    assert Counter(prod.got) == expected
    assert Counter(dev.got) == expected
    assert prod.got[: UNDER_WAY + 1] == [*range(UNDER_WAY + 1)]


def _leader(services: list[Service], dev: Receiver) -> Service:
    """The service that delivers the copies: it has the connection by which message 0 is being delivered."""
    dev.held = 1
    _push_at_all(services, 0)
    dev.until(1)
    leader = owner(services, dev.ports[0])
    dev.free.set()
    return leader


def _push_at_all(services: list[Service], number: int) -> None:
    """Push a message, and repeat it at every other process."""
    for service in services:
        assert _push(service, number) == b"success"


def _push(service: Service, number: int) -> bytes:
    stamp, nonce = str(int(time.time())), f"n{number}"
    query = {"signature": signature(TOKEN, stamp, nonce), "timestamp": stamp, "nonce": nonce}
    fields = {"FromUserName": "o1", "MsgType": "text", "Content": str(number), "MsgId": str(number)}
    address = f"{service.url}/relay/{RELAYED}/messages?{urlencode(query)}"
    request = urllib.request.Request(address, write_fields(fields), {"content-type": "text/xml"})
    with urllib.request.urlopen(request, timeout=WAIT) as answer:
        found: bytes = answer.read()
        return found


def _with_keeper(data: Path, store: str, use: Callable[[Keeper], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with open_keeper(load_settings(data=data, store=store)) as keeper:
            await use(keeper)

    asyncio.run(opened())


async def _configure(keeper: Keeper, prod: str, dev: str) -> None:
    assert await keeper.store.replace_relay(None, Relay(app=RELAYED, token=TOKEN))
    for name, url in (("prod", prod), ("dev", dev)):
        made = Environment(name=name, app=RELAYED, url=url, primary=name == "prod")
        assert await keeper.store.replace_environment(None, made)


async def _nothing_waits(keeper: Keeper) -> None:
    """Come back once it is written down that each message came."""
    async with asyncio.timeout(WAIT):
        while await keeper.store.waiting_copies():  # noqa: ASYNC110  other processes write it down
            await asyncio.sleep(0.05)
