"""kill -9 of the worker that delivers events: each event comes, in order, and none that did not happen."""

import asyncio
import json
import time
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from lingpai.core.hooks import Hook
from lingpai.keeper.hooks import new_secret
from lingpai.service import open_keeper
from lingpai.settings import load_settings
from tests.strength.harness import CLASSIC_APP, CLEAR_XCX, XCX, open_harness, token_of
from tests.strength.receivers import WAIT, Receiver, owner, receiving
from tests.strength.services import Service

SERVICES = 3
BEFORE, MEANWHILE = 2, 3
"""Renewals before the worker is killed, and while no worker delivers."""
FAST: dict[str, Any] = {"KEEPER__CLEAR_APART": 0.001, "KEEPER__CLEARS_A_DAY": 10**6}


def _read(headers: Message, body: bytes) -> tuple[str, int]:
    return str(headers["webhook-id"]), int(json.loads(body)["data"]["version"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(_read) as made:
        yield made


@pytest.mark.timeout(180)
@pytest.mark.threat("K86")
def test_no_event_is_lost_or_overtaken_when_the_delivering_worker_is_killed(
    own_folder: Path, store: str, receiver: Receiver
) -> None:
    with open_harness(own_folder, store=store, token_overlap=60, classic_quota=10**6) as harness:
        harness.add(CLASSIC_APP)
        asyncio.run(_add_hook(own_folder, store, receiver.url))
        fast = FAST | {"KEEPER__HOOK_NETWORKS": '["127.0.0.0/8"]'}
        services = [harness.serve(**fast) for _ in range(SERVICES)]
        try:
            token_of(services[0].ask(XCX))
            receiver.until(1)
            for _ in range(1, BEFORE):
                _renew(services[0])
            receiver.until(BEFORE)
            receiver.held = BEFORE + 1
            _renew(services[0])
            receiver.until(BEFORE + 1)
            leader = owner(services, receiver.ports[-1])
            leader.kill()
            survivor = next(each for each in services if each is not leader)
            for _ in range(MEANWHILE):
                _renew(survivor)
            assert len(receiver.got) == BEFORE + 1, "nothing comes before the one that was under way"
            receiver.until(BEFORE + 1 + 1 + MEANWHILE)
            hook = asyncio.run(_hook_at(own_folder, store, BEFORE + 1 + MEANWHILE))
        finally:
            receiver.free.set()
            for service in services:
                service.kill()
    versions = [*range(1, BEFORE + 2), *range(BEFORE + 1, BEFORE + 2 + MEANWHILE)]
    assert receiver.got == [(f"evt_{each}", each) for each in versions]
    assert (hook.failures, hook.problem) == (0, "")


def _renew(service: Service) -> None:
    assert service.ask(CLEAR_XCX)[1]["code"] == 0
    token_of(service.ask(XCX))


async def _add_hook(data: Path, store: str, url: str) -> None:
    async with open_keeper(load_settings(data=data, store=store)) as keeper:
        assert await keeper.store.add_hook(
            Hook(name="ops", url=url, secret=new_secret(), types=("token.renewed",))
        )


async def _hook_at(data: Path, store: str, position: int) -> Hook:
    """The webhook, once it is written down that everything up to this event came."""
    async with open_keeper(load_settings(data=data, store=store)) as keeper:
        end = time.monotonic() + WAIT
        while True:
            hook = await keeper.store.find_hook("ops")
            assert hook is not None
            if hook.position >= position:
                return hook
            assert time.monotonic() < end, hook
            await asyncio.sleep(0.05)
