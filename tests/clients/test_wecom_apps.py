"""Unmodified SDKs of a WeCom app: tokens from Lingpai, calls at the sandbox."""

from typing import Any

import pytest

from tests.clients.running import GENERATIONS, Clients
from tests.clients.stack import WECOM_KEY, Stack

Json = dict[str, Any]


@pytest.fixture
def member(stack: Stack) -> Json:
    """What a client of the corp's first agent has to do, with that agent's own secret."""
    corpid = stack.samples.corpid
    known = stack.control("codes", {"account": corpid, "user": "bob"})
    return {
        "account": corpid,
        "secret": stack.samples.agent_secret,
        "agentid": 1_000_002,
        "userid": known["userid"],
    }


@pytest.fixture(params=["own secret", "caller key"])
def secret(request: pytest.FixtureRequest, stack: Stack) -> str:
    return stack.samples.agent_secret if request.param == "own secret" else WECOM_KEY


def demand_held(stack: Stack, found: Json) -> None:
    """The token is the one that Lingpai holds for the first agent, and each agent's was fetched once."""
    corpid = stack.samples.corpid
    assert found["token"] == stack.held("wecom", corpid, label="first")
    assert stack.held("wecom", corpid, label="second") != found["token"]
    assert stack.fetches(corpid) == 2


@pytest.mark.parametrize("generation", GENERATIONS)
def test_wechatpy(generation: int, secret: str, stack: Stack, member: Json, clients: Clients) -> None:
    found = clients.wechatpy(generation, "run_wecom", member | {"secret": secret}).found()
    assert found["version"].startswith(f"{generation}.")
    assert found["user"]["userid"] == "bob"
    assert found["sent"]["errcode"] == 0
    assert found["addresses"] == ["127.0.0.1"]
    demand_held(stack, found)


def test_node_easywechat(secret: str, stack: Stack, member: Json, clients: Clients) -> None:
    found = clients.node("node-easywechat work", member | {"secret": secret}).found()
    assert found["user"]["userid"] == "bob"
    demand_held(stack, found)
    assert found["ticket"] == stack.held("wecom", member["account"], label="first", kind="corp_ticket")


def test_each_of_a_corps_secrets_has_its_own_token(stack: Stack, member: Json, clients: Clients) -> None:
    second = member | {"secret": stack.samples.second_agent_secret, "agentid": 1_000_003}
    started = [
        clients.wechatpy(each, "run_wecom", answer) for each in GENERATIONS for answer in (member, second)
    ]
    answers = [client.found() for client in started]
    demand_held(stack, answers[0])
    tokens = [found["token"] for found in answers]
    assert tokens[0] == tokens[2] != tokens[1] == tokens[3]
    assert tokens[1] == stack.held("wecom", stack.samples.corpid, label="second")
