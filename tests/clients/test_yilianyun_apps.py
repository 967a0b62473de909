"""Yilianyun's own SDK, unmodified but for its base URL, against the whole service."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from lingpai.core.issuer_records import App, AppMode
from lingpai.issuer import admin
from lingpai.service import open_issuers
from lingpai.settings import Settings
from tests.clients.running import Clients
from tests.clients.stack import Stack
from tests.issuer.dialects.visitors import PASSWORD, Visitor, visiting

Json = dict[str, Any]
OPEN, SELF_OWNED = ("1000000001", "5" * 32), ("1000000002", "6" * 32)
REDIRECT = "https://shop.example/callback"
TERMINAL, MSIGN = "4004504002", "mbm4ivhnqckn"
REALMS: Json = {
    "yilianyun": {"dialect": "yilianyun"},
    "yilianyun-test": {"dialect": "yilianyun", "prefix": "/trial", "policy": {"requests_once": 0}},
}
DONE = {"error": "0", "error_description": "success"}


async def add_merchant(settings: Settings) -> None:
    async with open_issuers(settings) as issuers:
        for name in REALMS:
            issuer = issuers[name]
            for (app_id, secret), mode in ((OPEN, AppMode.OPEN), (SELF_OWNED, AppMode.SELF_OWNED)):
                app = App(realm=name, app_id=app_id, mode=mode, redirect_uris=(REDIRECT,))
                await admin.declare_app(issuer, app, secret)
            merchant = await admin.add_user(issuer, "merchant", PASSWORD)
            await admin.save_terminal(issuer, TERMINAL, owner=merchant, msign=MSIGN)


@pytest.fixture
def extras() -> Json:
    return {"add": add_merchant, "realms": REALMS}


@pytest.fixture
async def merchant() -> AsyncIterator[Visitor]:
    async with visiting("merchant") as visitor:
        yield visitor


def demand_tokens(answer: Json, machine_code: str) -> Json:
    """The answer is the original's, names and types; returns its body."""
    body: Json = answer["body"]
    assert answer == DONE | {"body": body}
    assert list(body) == ["access_token", "refresh_token", "machine_code", "expires_in", "scope"]
    assert (body["machine_code"], body["scope"]) == (machine_code, "all")
    assert 2_591_990 <= body["expires_in"] <= 2_592_000  # the clock is a real one here
    return body


@pytest.mark.parametrize("prefix", ["", "/trial"])
async def test_open_and_self_owned_apps(
    prefix: str, stack: Stack, clients: Clients, merchant: Visitor
) -> None:
    url = stack.url + prefix
    asked = {"response_type": "code", "client_id": OPEN[0], "redirect_uri": REDIRECT, "state": "1"}
    callback = (await merchant.walk(f"{url}/oauth/authorize?{urlencode(asked)}")).headers["Location"]
    given = parse_qs(urlsplit(callback).query)
    assert (given["response_type"], given["state"]) == (["code"], ["1"])
    wanted = {
        "url": url,
        "open": OPEN,
        "self_owned": SELF_OWNED,
        "code": given["code"][0],
        "machine_code": TERMINAL,
        "msign": MSIGN,
    }
    found = clients.yilianyun("run_yilianyun", wanted).found()
    first = demand_tokens(found["got"], TERMINAL)
    second = demand_tokens(found["refreshed"], TERMINAL)
    assert second["access_token"] != first["access_token"]
    assert demand_tokens(found["again"], TERMINAL)["refresh_token"] == second["refresh_token"]
    assert found["unbound"] == [DONE, {"error": "14", "error_description": "access_token错误"}]
    demand_tokens(found["issued"], "")
    assert found["bound"] == found["freed"] == DONE
    assert found["refused"] == {"error": "35", "error_description": "machine_code或msign错误"}
    assert found["mode"] == {"error": "31", "error_description": "应用类型不支持此操作"}
    assert found["worn"] == ["0", "11"]
