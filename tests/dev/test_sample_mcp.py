"""The MCP server of the sample app over plain HTTP: who gets in, and what malformed messages are answered."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest

from tests.dev.running import Dev, developing
from tests.issuer.dialects import visitors
from tests.issuer.dialects.visitors import visiting

Json = dict[str, Any]
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


class Answer(NamedTuple):
    status: int
    challenge: str
    body: Json


class Caller(NamedTuple):
    """Somebody with an HTTP client."""

    dev: Dev
    http: aiohttp.ClientSession

    @property
    def issuer(self) -> Json:
        found: Json = self.dev.described["issuer"]["oidc"]
        return found

    async def post(self, message: Any, token: str = "", **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        async with self.http.post(self.issuer["resource"], json=message, headers=sent) as answer:
            body = await answer.json() if await answer.read() else {}
            return Answer(answer.status, answer.headers.get("WWW-Authenticate", ""), body)

    async def token(self, **form: str) -> str:
        async with self.http.post(self.issuer["issuer"] + "/token", data=form) as answer:
            found: str = (await answer.json())["access_token"]
            return found

    async def token_of_user(self, **more: str) -> str:
        app, user = self.issuer, self.dev.described["users"][0]
        asked = {
            "response_type": "code",
            "client_id": app["public_client_id"],
            "redirect_uri": app["spa_redirect_uri"],
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **more,
        }
        async with visiting(user["login"]) as visitor:
            seen = await visitor.walk(f"{app['issuer']}/authorize?{urlencode(asked)}")
        code = parse_qs(urlsplit(seen.headers["Location"]).query)["code"][0]
        return await self.token(
            grant_type="authorization_code",
            client_id=app["public_client_id"],
            code=code,
            code_verifier=VERIFIER,
        )


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with developing(tmp_path_factory.mktemp("mcp")) as running:
        yield running


@pytest.fixture
async def caller(dev: Dev, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Caller]:
    monkeypatch.setattr(visitors, "PASSWORD", dev.described["users"][0]["password"])
    async with aiohttp.ClientSession() as http:
        yield Caller(dev, http)


async def test_a_challenge_names_the_metadata_which_names_the_issuer(caller: Caller) -> None:
    answer = await caller.post(PING)
    sample, resource = caller.dev.described["sample"], caller.issuer["resource"]
    metadata = f"{sample}/.well-known/oauth-protected-resource/mcp"
    assert answer.status == 401
    assert answer.challenge == f'Bearer resource_metadata="{metadata}", scope="mcp:tools"'
    async with caller.http.get(metadata) as found:
        assert await found.json() == {
            "resource": resource,
            "authorization_servers": [caller.issuer["issuer"]],
            "scopes_supported": ["mcp:tools"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Lingpai 令牌 sample",
        }


async def test_a_user_with_a_token_for_it_gets_in(caller: Caller) -> None:
    token = await caller.token_of_user(resource=caller.issuer["resource"], scope="mcp:tools")
    asked = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    begun = await caller.post(PING | {"method": "initialize", "params": asked}, token)
    assert begun.body["result"]["protocolVersion"] == "2025-06-18"
    newer = await caller.post(
        PING | {"method": "initialize", "params": asked | {"protocolVersion": "2099-01-01"}}, token
    )
    assert newer.body["result"]["protocolVersion"] == "2025-11-25"
    assert (await caller.post(PING, token)).body == {"jsonrpc": "2.0", "id": 1, "result": {}}
    answer = await caller.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, token)
    assert (answer.status, answer.body) == (202, {})


def header(**given: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(given).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "token",
    [
        *("x", "a.b.c", "..", "a.b.c.d.e", "令牌".encode().hex()),
        header(alg="none") + ".e30.",
        header(alg="ES256", kid=[1], crit=1) + ".e30.",
        header(alg={}) + ".W10.AAAA",
    ],
)
async def test_what_is_no_token_is_invalid(caller: Caller, token: str) -> None:
    answer = await caller.post(PING, token)
    assert answer.status == 401
    assert answer.challenge.startswith('Bearer error="invalid_token", resource_metadata=')


async def test_a_token_for_userinfo_is_none_for_it(caller: Caller) -> None:
    answer = await caller.post(PING, await caller.token_of_user(scope="openid"))
    assert answer.status == 401


async def test_a_token_without_its_scope_is_not_enough(caller: Caller) -> None:
    app = caller.issuer
    token = await caller.token(
        grant_type="client_credentials",
        client_id=app["client_id"],
        client_secret=app["client_secret"],
        resource=app["resource"],
    )
    answer = await caller.post(PING, token)
    assert answer.status == 403
    assert answer.challenge.startswith('Bearer error="insufficient_scope", ')


async def test_an_id_token_and_an_altered_token_are_none(caller: Caller) -> None:
    token = await caller.token_of_user(resource=caller.issuer["resource"], scope="mcp:tools")
    head, claims, signature = token.split(".")
    for forged in (f"{head}.{claims}.{signature[::-1]}", f"{head}.{claims}."):
        assert (await caller.post(PING, forged)).status == 401


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"jsonrpc": "2.0", "id": 1, "method": "nothing"}, -32601),
        (PING | {"method": "tools/call", "params": {"name": "nothing"}}, -32602),
        (PING | {"method": "tools/call", "params": {"name": ["echo"]}}, -32602),
        (PING | {"method": "tools/call", "params": {"name": "echo", "arguments": {"text": 1}}}, -32602),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ([PING], -32700),
        ("ping", -32700),
    ],
)
async def test_malformed_messages_are_answered_in_json_rpc(caller: Caller, message: Any, code: int) -> None:
    token = await caller.token_of_user(resource=caller.issuer["resource"], scope="mcp:tools")
    answer = await caller.post(message, token)
    assert answer.status in {200, 400}
    assert answer.body["error"]["code"] == code


async def test_pages_of_other_origins_and_unknown_revisions_are_refused(caller: Caller) -> None:
    token = await caller.token_of_user(resource=caller.issuer["resource"], scope="mcp:tools")
    assert (await caller.post(PING, token, Origin="https://evil.example")).status == 403
    assert (await caller.post(PING, token, Origin=caller.dev.described["sample"])).status == 200
    assert (await caller.post(PING, token, MCP_Protocol_Version="1999-01-01")).status == 400
    async with caller.http.get(caller.issuer["resource"]) as answer:
        assert answer.status == 405
