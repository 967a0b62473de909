"""Unmodified MCP clients reach the protected server of `make run` from nothing but its address."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from lingpai.devdata.records import load_samples
from tests.clients.running import Clients, demand_prepared
from tests.clients.stack import Stack
from tests.dev.running import Dev, developing
from tests.issuer.dialects import visitors
from tests.issuer.dialects.visitors import visiting
from tests.issuer.test_fetcher import Server, answering

Json = dict[str, Any]
REDIRECT = "http://127.0.0.1:3999/oidc/spa"
"""Any port of the loopback address will do for a path that is registered (RFC 8252 §7.3)."""


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The client's own web site, which publishes a document about the client."""
    return Server(tmp_path_factory.mktemp("publisher"), "localhost")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory, publisher: Server) -> Iterator[Dev]:
    settings = {
        "SSL_CERT_FILE": str(publisher.file),
        "LINGPAI_REALMS__OIDC__FETCH_NETWORKS": '["127.0.0.0/8", "::1/128"]',
        "LINGPAI_REALMS__OIDC__CLIENT_DOCUMENTS": "any",
    }
    with developing(tmp_path_factory.mktemp("mcp"), **settings) as running:
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


@pytest.fixture
async def published(publisher: Server) -> AsyncIterator[str]:
    """The address of the document while it is there: the client's id."""
    async with publisher.running():
        document = {
            "client_id": publisher.url,
            "client_name": "MCP client",
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        }
        publisher.write = answering(json.dumps(document).encode(), "200 OK", "Content-Type: application/json")
        yield publisher.url


@pytest.fixture(params=["registered", "given", "published"])
def wanted(dev: Dev, published: str, request: pytest.FixtureRequest) -> Json:
    """What a client needs: the server's address alone, or an id, given to it or its own document's address."""
    issuer = dev.described["issuer"]["oidc"]
    given = {"client_id": issuer["public_client_id"]} if request.param == "given" else None
    return {
        "document": published if request.param == "published" else None,
        "server": issuer["resource"],
        "redirect_uri": REDIRECT,
        "client": given,
        **dev.described["users"][0],
    }


async def test_the_typescript_sdk(clients: Clients, wanted: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "PASSWORD", wanted["password"])
    begun = await asyncio.to_thread(clients.node("mcp begin", wanted).found)
    assert begun["refusal"] == "UnauthorizedError"
    async with visiting(wanted["login"]) as visitor:
        callback = (await visitor.walk(begun["url"])).headers["Location"]
    finishing = clients.node("mcp finish", wanted | begun | {"callback": callback})
    found = await asyncio.to_thread(finishing.found)
    assert found["tools"] == ["whoami", "echo"]
    assert found["echo"] == {"text": "令牌", "characters": 2}
    assert found["whoami"]["client_id"] == begun["client"]["client_id"]
    assert wanted["document"] in {None, found["whoami"]["client_id"]}
    assert "mcp:tools" in found["whoami"]["scope"].split()
    assert found["unknown"] == -32602
    assert (found["again"], found["rotated"]) == (found["whoami"], True)


async def test_the_python_sdk(clients: Clients, wanted: Json) -> None:
    found = await asyncio.to_thread(clients.oidc("run_mcp", wanted).found)
    assert found["tools"] == ["whoami", "echo"]
    assert found["asked"]["resource"] == [wanted["server"]]
    assert found["whoami"]["client_id"] == found["client_id"]
    assert wanted["document"] in {None, found["client_id"]}
    assert "mcp:tools" in found["whoami"]["scope"].split()
    assert (found["renewed"], found["rotated"]) == (True, True)
