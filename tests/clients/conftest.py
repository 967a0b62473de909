"""A stack of its own for each test, and somebody who uses the official account."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.running import Clients, demand_prepared
from tests.clients.stack import Stack, running_stack

PAGE = "https://shop.example.com/cart?item=令牌&n=1"


@pytest.fixture
def extras() -> dict[str, Any]:
    """What a module's own stack has besides the samples: further arguments of `running_stack`."""
    return {}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extras: dict[str, Any]) -> Iterator[Stack]:
    monkeypatch.chdir(tmp_path)  # a .env or lingpai.toml of the developer's is not for tests
    with running_stack(tmp_path / "data", **extras) as running:
        yield running


@pytest.fixture
def clients(stack: Stack, tmp_path: Path) -> Iterator[Clients]:
    demand_prepared()
    started = Clients(stack, tmp_path)
    yield started
    started.end()


@pytest.fixture
def follower(stack: Stack) -> dict[str, Any]:
    """A user of the official account: what the sandbox says of them."""
    return stack.control("codes", {"account": stack.samples.appid, "user": "alice"})


@pytest.fixture
def wanted(stack: Stack, follower: dict[str, Any]) -> dict[str, Any]:
    """What every client of the official account has to do, with the app's own secret."""
    mini = stack.samples.mini_appid
    return {
        "account": stack.samples.appid,
        "secret": stack.samples.app_secret,
        "openid": follower["openid"],
        "page": PAGE,
        "noncestr": "Wm3WZYTPz0wzccnW",
        "timestamp": 1_414_587_457,
        "mini": {"appId": mini, "appSecret": stack.samples.mini_secret},
        "code": stack.control("codes", {"account": mini, "user": "bob"})["code"],
    }
