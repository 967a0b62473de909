"""Platforms that the sandbox imitates from their declared calls alone."""

import json
import urllib.parse
import urllib.request
from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.keeper.platforms.imitation import Imitations
from lingpai.keeper.platforms.registry import platform_types
from tests.helpers.lingpai_toy import TOY
from tests.helpers.sandbox import running_sandbox

LIFE = 600.0
APP = {"toy": "toy-1", "key": "tin-key"}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def toys(clock: VirtualClock) -> Imitations:
    return Imitations((*platform_types().values(), TOY), clock, LIFE)


def ask(toys: Imitations, path: str, **fields: str) -> dict[str, Any]:
    answer = toys("GET" if path.endswith(("ticket", "probe", "play")) else "POST", f"/toybox/{path}", fields)
    assert answer is not None
    return answer


def test_a_token_is_issued_to_who_knows_the_secret(toys: Imitations, clock: VirtualClock) -> None:
    first = ask(toys, "token", **APP)
    assert (first["result"], first["seconds"]) == (1, LIFE)
    assert ask(toys, "probe", access_token=first["wind"])["result"] == 1
    assert ask(toys, "token", toy="toy-1", key="wrong")["result"] == 7
    assert ask(toys, "token", toy="toy-2", key="tin-key")["result"] == 7
    clock.advance(LIFE)
    assert ask(toys, "probe", access_token=first["wind"])["result"] == 8


def test_a_repeated_call_ends_the_token_before_after_the_declared_overlap(
    toys: Imitations, clock: VirtualClock
) -> None:
    first = ask(toys, "token", **APP)["wind"]
    second = ask(toys, "token", **APP)["wind"]
    assert first != second
    assert ask(toys, "probe", access_token=first)["result"] == 1
    clock.advance(TOY.settings().model_dump()["overlap"])
    assert ask(toys, "probe", access_token=first)["result"] == 8
    assert ask(toys, "probe", access_token=second)["result"] == 1


def test_a_ticket_needs_a_live_token_and_stays_the_same(toys: Imitations) -> None:
    token = ask(toys, "token", **APP)["wind"]
    ticket = ask(toys, "ticket", access_token=token, **{"for": "key"})
    assert ticket["seconds"] == LIFE
    assert ask(toys, "ticket", access_token=token, **{"for": "key"})["key"] == ticket["key"]
    assert ask(toys, "ticket", access_token="nobody's", **{"for": "key"})["result"] == 8
    assert ask(toys, "probe", access_token=ticket["key"])["result"] == 8  # a ticket is no token


def test_a_code_is_exchanged_once(toys: Imitations) -> None:
    assert ask(toys, "play", code="c", **APP) == {"result": 1, "why": "ok", "child": "child of c"}
    assert ask(toys, "play", code="c", **APP)["result"] == 9
    assert ask(toys, "play", code="d", toy="toy-1", key="wrong")["result"] == 7


def test_calls_of_nobody_and_of_platforms_without_samples_are_left_alone(toys: Imitations) -> None:
    assert toys("GET", "/toybox/nothing", {}) is None
    assert toys("POST", "/OAuth2/token", {"app_id": "1"}) is None
    assert toys("GET", "/cgi-bin/token", {"appid": "1"}) is None


def test_the_sandbox_serves_it_beside_wechat(toys: Imitations, clock: VirtualClock) -> None:
    with running_sandbox(clock=clock, others=toys) as url:
        body = urllib.parse.urlencode(APP).encode()
        with urllib.request.urlopen(f"{url}/toybox/token", body, timeout=30) as answer:
            assert json.load(answer)["result"] == 1
        with urllib.request.urlopen(f"{url}/cgi-bin/token", timeout=30) as answer:
            assert json.load(answer)["errcode"] != 0
        with urllib.request.urlopen(f"{url}/_sandbox/calls?path=/toybox/token", timeout=30) as answer:
            assert json.load(answer)["total"] == 1
