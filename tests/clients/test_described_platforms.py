"""Feishu's and DingTalk's own SDKs, unmodified but for their address, with a caller key for phantom tokens."""

from typing import Any

import pytest

from lingpai.core.records import EVERY_RIGHT, Caller
from lingpai.keeper.platforms.registry import platform_types
from lingpai.service import open_keeper
from lingpai.settings import Settings
from tests.clients.running import Clients
from tests.clients.stack import Stack

KEY = "lpk_for-phantom-tokens-of-described-platforms"


async def add_key(settings: Settings) -> None:
    async with open_keeper(settings) as keeper:
        caller = Caller(name="phantom", rights=EVERY_RIGHT, hand_out="phantom", created_at=keeper.clock.now())
        await keeper.store.add_caller(caller, keeper.digest_caller_key(KEY))


@pytest.fixture
def extras() -> dict[str, Any]:
    return {"add": add_key}


def wanted(platform: str) -> dict[str, Any]:
    (account,) = platform_types()[platform].samples
    return {"account": account, "secret": KEY}


def test_lark_oapi(stack: Stack, clients: Clients) -> None:
    asked = wanted("feishu")
    found = clients.lark("run_lark", asked).found()
    assert found["sent"] == [0, 0]
    assert found["ticket"] == stack.held("feishu", asked["account"], kind="jsapi_ticket")
    counted = stack.control("calls")["calls"]
    assert sum(counted["/open-apis/im/v1/messages"].values()) == 2
    assert sum(counted["/open-apis/auth/v3/tenant_access_token/internal"].values()) == 1


def test_alibabacloud_dingtalk(stack: Stack, clients: Clients) -> None:
    asked = wanted("dingtalk")
    found = clients.dingtalk("run_dingtalk", asked).found()
    held = stack.held("dingtalk", asked["account"])
    assert found["status"] == 200
    assert 0 < found["expires_in"] <= 7200
    assert found["token"] != held
    counted = stack.control("calls")["calls"]
    assert sum(counted["/v1.0/contact/users/me"].values()) == 1
    assert sum(counted["/v1.0/oauth2/accessToken"].values()) == 1
