"""Unmodified SDKs of an official account or mini program: tokens from Lingpai, calls at the sandbox."""

from typing import Any

import pytest

from lingpai.keeper.signing import signature_of
from tests.clients.running import GENERATIONS, NODE_CLIENTS, Clients
from tests.clients.stack import Stack, fetch
from tests.prepare import WECHATPY2

Json = dict[str, Any]
OF_CALLS = ("co-wechat-api", "node-easywechat")
OK = {"errcode": 0, "errmsg": "ok"}


def demand_held(stack: Stack, found: Json) -> None:
    """The token and the ticket are the ones that Lingpai holds, and the platform was asked once for each."""
    appid = stack.samples.appid
    assert found["token"] == stack.held("wechat", appid)
    assert found["ticket"] == stack.held("wechat", appid, kind="jsapi_ticket")
    assert stack.control("valid", access_token=found["token"])["valid"]
    assert stack.fetches(appid) == 1
    assert stack.control("calls", path="/cgi-bin/ticket/getticket")["total"] == 1


def demand_calls(found: Json, wanted: Json) -> None:
    """Each call of the API succeeded."""
    assert found["addresses"] == ["127.0.0.1"]
    assert found["user"]["openid"] == wanted["openid"]
    assert found["user"]["subscribe"] == 1
    assert {name: found["sent"][name] for name in OK} == OK


@pytest.mark.parametrize("generation", GENERATIONS)
def test_wechatpy(generation: int, stack: Stack, wanted: Json, clients: Clients) -> None:
    found = clients.wechatpy(generation, "run_official", wanted).found()
    assert found["version"].startswith(f"{generation}.")
    assert found["home"].startswith(str(WECHATPY2)) == (generation == 2)
    demand_calls(found, wanted)
    demand_held(stack, found)
    signed = signature_of(found["ticket"], wanted["noncestr"], wanted["timestamp"], wanted["page"])
    assert found["signature"] == signed


@pytest.mark.parametrize("name", OF_CALLS)
def test_node_clients_call(name: str, stack: Stack, wanted: Json, clients: Clients) -> None:
    found = clients.node(name, wanted).found()
    demand_calls(found, wanted)
    demand_held(stack, found)


@pytest.mark.parametrize("name", NODE_CLIENTS)
def test_node_clients_sign_as_lingpai_does(name: str, stack: Stack, wanted: Json, clients: Clients) -> None:
    found = clients.node(name, wanted).found()
    demand_held(stack, found)
    config = found["config"]
    assert config["appId"] == stack.samples.appid
    args = (config["nonceStr"], config["timestamp"], wanted["page"])
    assert config["signature"] == signature_of(found["ticket"], *args)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_wechatpy_signs_what_lingpai_answered(
    generation: int, stack: Stack, wanted: Json, clients: Clients
) -> None:
    page = {"wx_app_id": wanted["account"], "url": wanted["page"]}
    signed = fetch(f"{stack.url}/JsSDK/getJsApiSign", page)["data"]
    wanted |= {"noncestr": signed["noncestr"], "timestamp": signed["timestamp"]}
    found = clients.wechatpy(generation, "run_official", wanted).found()
    assert found["signature"] == signed["signature"]


def test_wechat_jssdk_exchanges_a_login_code(stack: Stack, wanted: Json, clients: Clients) -> None:
    session = clients.node("wechat-jssdk", wanted).found()["session"]
    assert session["openid"]
    assert session["session_key"]
    assert stack.control("calls", path="/sns/jscode2session")["total"] == 1


def test_a_caller_key_takes_the_place_of_the_secret(stack: Stack, wanted: Json, clients: Clients) -> None:
    wanted["secret"] = wanted["mini"]["appSecret"] = stack.samples.caller_key
    started = [clients.wechatpy(each, "run_official", wanted) for each in GENERATIONS]
    started += [clients.node(name, wanted) for name in OF_CALLS]
    for client in started:
        found = client.found()
        demand_calls(found, wanted)
        demand_held(stack, found)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_wrong_secret_gets_no_held_token(
    generation: int, stack: Stack, wanted: Json, clients: Clients
) -> None:
    held = stack.held("wechat", stack.samples.appid)
    wanted["secret"] = stack.samples.mini_secret
    found = clients.wechatpy(generation, "run_official", wanted).found()
    assert found["errcode"] == 40125
    assert held not in str(found)
    assert stack.fetches(stack.samples.appid) == 1


def test_all_clients_at_once_bring_about_one_fetch(stack: Stack, wanted: Json, clients: Clients) -> None:
    started = [clients.wechatpy(each, "run_official", wanted) for each in GENERATIONS]
    started += [clients.node(name, wanted) for name in NODE_CLIENTS]
    tokens = {client.found()["token"] for client in started}
    assert tokens == {stack.held("wechat", stack.samples.appid)}
    assert stack.fetches(stack.samples.appid) == 1


@pytest.mark.parametrize("generation", GENERATIONS)
def test_wechatpys_loop_of_fetches_ends_at_lingpai(
    generation: int, stack: Stack, wanted: Json, clients: Clients
) -> None:
    stack.control("faults", {"path": "/cgi-bin/getcallbackip", "fault": "errcode:40001", "times": 10_000})
    found = clients.wechatpy(generation, "run_loop", wanted).found()
    assert found["gave_up"]
    # It asks for a token before each of its tries.
    assert stack.control("calls", path="/cgi-bin/getcallbackip")["total"] > 100
    assert stack.fetches(stack.samples.appid) == 1
    assert found["token"] == stack.held("wechat", stack.samples.appid)
    assert stack.control("valid", access_token=found["token"])["valid"]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_wechatpy_heals_itself_when_its_token_dies(
    generation: int, stack: Stack, wanted: Json, clients: Clients
) -> None:
    found = clients.wechatpy(generation, "run_healing", wanted).found()
    assert found["addresses"] == ["127.0.0.1"]
    assert found["token"] != found["dead"]
    assert found["token"] == stack.held("wechat", stack.samples.appid)
    assert stack.fetches(stack.samples.appid) <= 3  # once, and for the next one with a forced call at most
