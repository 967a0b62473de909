"""Unmodified SDKs whose every call goes to Lingpai, with phantom tokens."""

from pathlib import Path
from typing import Any

import pytest

from tests.clients.running import GENERATIONS, Clients
from tests.clients.stack import Stack

Json = dict[str, Any]


@pytest.fixture
def clients(stack: Stack, tmp_path: Path) -> Any:
    """Clients that are given Lingpai's address for the platform's."""
    made = Clients(stack._replace(sandbox=stack.url), tmp_path)
    yield made
    made.end()


def demand_phantom(stack: Stack, token: str, held: str) -> None:
    """The client never had the platform's token."""
    assert token != held
    assert not stack.control("valid", access_token=token)["valid"]
    assert stack.control("valid", access_token=held)["valid"]


@pytest.fixture
def ghost(stack: Stack, wanted: Json) -> Json:
    return wanted | {"secret": stack.samples.phantom_key}


def demand_media(stack: Stack, found: Json) -> None:
    """A file went to the platform and came back as it was, and Lingpai was the one who called."""
    assert found["uploaded"]["type"] == "image"
    assert bytes.fromhex(found["downloaded"]) == bytes(range(256))
    for path in ("/cgi-bin/media/upload", "/cgi-bin/media/get"):
        assert stack.control("calls", path=path)["total"] == 1


@pytest.mark.parametrize("generation", GENERATIONS)
def test_wechatpy_sends_and_gets_media(generation: int, stack: Stack, ghost: Json, clients: Clients) -> None:
    found = clients.wechatpy(generation, "run_media", ghost).found()
    demand_media(stack, found)
    demand_phantom(stack, found["token"], stack.held("wechat", stack.samples.appid))


def test_co_wechat_api_by_its_address_alone(stack: Stack, ghost: Json, clients: Clients) -> None:
    found = clients.node("co-wechat-api forwarded", ghost).found()
    demand_media(stack, found)
    assert found["sent"]["errcode"] == 0
    demand_phantom(stack, found["token"], stack.held("wechat", stack.samples.appid))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_wechatpy(generation: int, stack: Stack, ghost: Json, clients: Clients) -> None:
    found = clients.wechatpy(generation, "run_official", ghost).found()
    assert found["user"]["openid"] == ghost["openid"]
    assert found["sent"]["errcode"] == 0
    demand_phantom(stack, found["token"], stack.held("wechat", stack.samples.appid))


def test_co_wechat_api(stack: Stack, ghost: Json, clients: Clients) -> None:
    found = clients.node("co-wechat-api", ghost).found()
    assert found["user"]["openid"] == ghost["openid"]
    assert found["sent"]["errcode"] == 0
    demand_phantom(stack, found["token"], stack.held("wechat", stack.samples.appid))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_wechatpy_of_wecom(generation: int, stack: Stack, clients: Clients) -> None:
    corpid = stack.samples.corpid
    known = stack.control("codes", {"account": corpid, "user": "bob"})
    wanted = {
        "account": corpid,
        "secret": stack.samples.phantom_key,
        "agentid": 1_000_002,
        "userid": known["userid"],
    }
    found = clients.wechatpy(generation, "run_wecom", wanted).found()
    assert found["user"]["userid"] == "bob"
    assert found["sent"]["errcode"] == 0
    demand_phantom(stack, found["token"], stack.held("wecom", corpid, label="first"))
