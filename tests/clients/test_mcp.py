"""Unmodified MCP clients reach the protected server of `make run` from nothing but its address."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingpai.devdata.records import load_samples
from tests.clients.running import Clients, demand_prepared
from tests.clients.stack import Stack
from tests.dev.running import Dev, developing
from tests.issuer.dialects import visitors
from tests.issuer.dialects.visitors import visiting

Json = dict[str, Any]
REDIRECT = "http://127.0.0.1:3999/oidc/spa"
"""Any port of the loopback address will do for a path that is registered (RFC 8252 §7.3)."""


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with developing(tmp_path_factory.mktemp("mcp")) as running:
        yield running


@pytest.fixture
def stack(dev: Dev) -> Stack:
    return Stack(dev.url, dev.described["sandbox"], load_samples(dev.data / "samples.json"))


@pytest.fixture
def clients(stack: Stack, tmp_path: Path) -> Iterator[Clients]:
    demand_prepared()
    started = Clients(stack, tmp_path)
    yield started
    started.end()


@pytest.fixture(params=["registered", "given"])
def wanted(dev: Dev, request: pytest.FixtureRequest) -> Json:
    """What a client needs: the server's address alone, or a client id as well."""
    issuer = dev.described["issuer"]["oidc"]
    given = {"client_id": issuer["public_client_id"]} if request.param == "given" else None
    return {
        "server": issuer["resource"],
        "redirect_uri": REDIRECT,
        "client": given,
        **dev.described["users"][0],
    }


async def test_the_typescript_sdk(clients: Clients, wanted: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "PASSWORD", wanted["password"])
    begun = clients.node("mcp begin", wanted).found()
    assert begun["refusal"] == "UnauthorizedError"
    async with visiting(wanted["login"]) as visitor:
        callback = (await visitor.walk(begun["url"])).headers["Location"]
    found = clients.node("mcp finish", wanted | begun | {"callback": callback}).found()
    assert found["tools"] == ["whoami", "echo"]
    assert found["echo"] == {"text": "令牌", "characters": 2}
    assert found["whoami"]["client_id"] == begun["client"]["client_id"]
    assert "mcp:tools" in found["whoami"]["scope"].split()
    assert found["unknown"] == -32602
    assert (found["again"], found["rotated"]) == (found["whoami"], True)


async def test_the_python_sdk(clients: Clients, wanted: Json) -> None:
    found = clients.oidc("run_mcp", wanted).found()
    assert found["tools"] == ["whoami", "echo"]
    assert found["asked"]["resource"] == [wanted["server"]]
    assert found["whoami"]["client_id"] == found["client_id"]
    assert "mcp:tools" in found["whoami"]["scope"].split()
    assert (found["renewed"], found["rotated"]) == (True, True)
