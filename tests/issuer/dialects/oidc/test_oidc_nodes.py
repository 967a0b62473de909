"""Three nodes on one store, on each engine: what counts once counts once on all of them together.

Each node has its own store on the same database, its own caches and its own port.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from lingpai.core.base64url import decode
from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Client
from lingpai.core.keyring import KeyRing
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import oidc
from lingpai.issuer.pages import Pages, Site
from lingpai.issuer.pages.standard import Standard
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.signing_keys import PUBLISHED, SigningKeys
from tests.helpers.passwords import CHEAP
from tests.issuer.dialects.calls import encoded
from tests.issuer.dialects.conftest import Dialect
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import (
    ISSUER,
    PREFIX,
    REDIRECT,
    SECRET,
    Answer,
    Realm,
    claims_of,
)
from tests.issuer.dialects.oidc.test_oidc_devices import begin, poll
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.visitors import visiting
from tests.issuer.engines import ENGINES, ready_engine
from tests.issuer.test_signing_keys import published

BY_KEY = "100009"
NODES = 3


@pytest.fixture(params=list(ENGINES))
def engine_name(request: pytest.FixtureRequest) -> str:
    return ready_engine(request)


@contextlib.asynccontextmanager
async def node(realm: Realm, issuer: Issuer) -> AsyncIterator[Realm]:
    """The realm as another node serves it."""
    site = Site(origin="http://127.0.0.1", prefix=f"/user/{issuer.realm}")
    pages = Pages(issuer, site, Standard(oidc.style(ISSUER)), device=PREFIX + "/device")
    declared = oidc.routes(issuer, pages, ISSUER, prefix=PREFIX)
    fallback = (("", oidc.SHAPE), *oidc.fallback(PREFIX))
    async with serving((*declared, *pages.routes()), fallback) as url:
        yield dataclasses.replace(realm, issuer=issuer, url=url)


@pytest.fixture
async def nodes(
    realm: Realm, engine_name: str, tmp_path: Path, ring: KeyRing, clock: VirtualClock, dialect: Dialect
) -> AsyncIterator[list[Realm]]:
    async with contextlib.AsyncExitStack() as stack:
        found = [realm]
        while len(found) < NODES:
            store = await ENGINES[engine_name](tmp_path, ring, clock)
            stack.push_async_callback(store.close)
            issuer = await Issuer.open(dialect.name, dialect.policy, store, ring, clock, Passwords(CHEAP))
            found.append(await stack.enter_async_context(node(realm, issuer)))
        yield found


def statuses(answers: list[Answer]) -> list[int]:
    return sorted(answer.status for answer in answers)


async def test_of_all_who_redeem_a_code_one_does(nodes: list[Realm]) -> None:
    code = await nodes[0].code()
    answers = await asyncio.gather(*(each.exchange(code) for each in nodes * 2))
    assert statuses(answers) == [200] + [400] * 5


@pytest.mark.threat("L101")
async def test_l101_a_proof_counts_once(nodes: list[Realm]) -> None:
    codes = [await nodes[0].code() for _ in nodes]
    proof = ClientKey().proof()
    answers = await asyncio.gather(
        *(each.exchange(code, proof) for each, code in zip(nodes, codes, strict=True))
    )
    refusals = [answer.refusal for answer in answers if answer.status != 200]
    assert refusals == [(400, "invalid_dpop_proof")] * 2


@pytest.mark.threat("L102")
async def test_l102_an_assertion_counts_once(nodes: list[Realm]) -> None:
    key = ClientKey()
    client = Client(token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
    app = App(realm="oidc", app_id=BY_KEY, redirect_uris=(REDIRECT,), client=client)
    await admin.declare_app(nodes[0].issuer, app, "")
    body = {"grant_type": "client_credentials"} | key.asserted(BY_KEY)
    answers = await asyncio.gather(*(each.post("/token", body) for each in nodes * 2))
    assert statuses(answers) == [200] + [401] * 5


@pytest.mark.threat("L109")
async def test_l109_of_all_polls_of_a_device_one_gets_tokens(nodes: list[Realm]) -> None:
    first = nodes[0]
    await first.code()  # logged in
    waiting = await begin(first)
    url = f"{first.url}{PREFIX}/device?user_code={waiting['user_code']}"
    assert b"connected" in (await first.visitor.walk(url)).body
    answers = await asyncio.gather(*(poll(each, waiting) for each in nodes * 2))
    assert statuses(answers) == [200] + [400] * 5


@pytest.mark.threat("L110")
async def test_l110_a_pushed_request_gives_one_code(nodes: list[Realm]) -> None:
    pushed = await nodes[0].post("/par", nodes[0].asked(client_secret=SECRET))
    query = encoded({"client_id": nodes[0].app.app_id, "request_uri": pushed.json["request_uri"]})

    async def walk(each: Realm) -> str | None:
        async with visiting("alice") as visitor:
            answer = Answer(*await visitor.walk(f"{each.url}{PREFIX}/authorize?{query}"))
            return answer.redirected.get("code") if "Location" in answer.headers else None

    codes = {code for code in await asyncio.gather(*map(walk, nodes)) if code}
    assert len(codes) == 1


@pytest.mark.threat("L117")
async def test_l117_every_node_publishes_and_signs_with_the_same_keys(
    nodes: list[Realm], clock: VirtualClock
) -> None:
    async def documents() -> set[bytes]:
        return {
            answer.body for answer in await asyncio.gather(*(each.send("GET", "/jwks") for each in nodes))
        }

    async def kids() -> set[str]:
        found = set()
        for each in nodes:
            token = (await each.exchange(await nodes[0].code())).json["id_token"]
            assert claims_of(token)["iss"] == ISSUER
            found.add(msgspec.json.decode(decode(token.split(".")[0]))["kid"])
        return found

    assert len(await documents()) == 1, "they all asked first, and each alg has one key"
    before = await kids()
    assert len(before) == 1
    await asyncio.gather(*(SigningKeys(each.issuer).rotate() for each in nodes))
    clock.advance(3600)  # longer than a node keeps what it read
    [document] = await documents()
    assert await kids() == before, "the next key is published, and does not sign yet"
    clock.advance(PUBLISHED)
    after = await kids()
    assert len(after) == 1
    assert not after & before
    assert after <= published(document).keys(), "it was published before it signed"
