"""Keys that a client publishes at its `jwks_uri`: fetched when they are needed, and again when one is not known."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Client
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.publishing import Published
from tests.issuer.dialects.oidc.realms import NOW, REDIRECT, Realm, serving_realm

ID = "100010"
URI = "https://client.example/keys"


@pytest.fixture
async def realm(issuer: Issuer, http: aiohttp.ClientSession, published: Published) -> AsyncIterator[Realm]:
    """The realm of these tests has a client that publishes its keys."""
    async with serving_realm(issuer, http, published) as served:
        client = Client(token_endpoint_auth_method="private_key_jwt", jwks_uri=URI)
        app = App(realm=issuer.realm, app_id=ID, redirect_uris=(REDIRECT,), client=client)
        await admin.declare_app(issuer, app, "")
        yield served


async def status_of(realm: Realm, key: ClientKey, clock: VirtualClock) -> int:
    moment = NOW + int(clock.steady())
    reply = key.asserted(ID, exp=moment + 60, iat=moment)
    answer = await realm.post("/token", {"grant_type": "client_credentials"} | reply)
    return answer.status


async def test_they_are_fetched_once_an_hour(realm: Realm, published: Published, clock: VirtualClock) -> None:
    key = ClientKey()
    published.documents[URI] = key.jwks
    start = clock.steady()
    assert [await status_of(realm, key, clock) for _ in range(3)] == [200] * 3
    clock.advance(3599)
    assert await status_of(realm, key, clock) == 200
    assert published.fetched == [URI]
    clock.advance(1)
    assert await status_of(realm, key, clock) == 200
    assert published.fetched == [URI] * 2
    assert clock.steady() == start + 3600


@pytest.mark.parametrize("kid", ["key-2", None])
async def test_a_key_that_is_not_known_fetches_again_once_in_30_seconds(
    realm: Realm, published: Published, clock: VirtualClock, kid: str | None
) -> None:
    old, new = ClientKey(), ClientKey(kid=kid)
    published.documents[URI] = old.jwks
    assert await status_of(realm, old, clock) == 200
    published.documents[URI] = new.jwks
    clock.advance(29)
    assert [await status_of(realm, new, clock) for _ in range(4)] == [401] * 4
    assert len(published.fetched) == 1
    clock.advance(1)
    assert await status_of(realm, new, clock) == 200
    assert [await status_of(realm, old, clock) for _ in range(4)] == [401] * 4
    assert len(published.fetched) == 2


async def test_a_known_key_waits_for_no_fetch(
    realm: Realm, published: Published, clock: VirtualClock
) -> None:
    known, unknown = ClientKey(), ClientKey(kid="key-2")
    published.documents[URI] = known.jwks
    assert await status_of(realm, known, clock) == 200
    clock.advance(30)
    published.asked.clear()
    published.gate.clear()
    waiting = asyncio.create_task(status_of(realm, unknown, clock))
    await published.asked.wait()
    assert await status_of(realm, known, clock) == 200
    published.gate.set()
    assert await waiting == 401


async def test_a_key_that_was_withdrawn_counts_for_a_day_at_most(
    realm: Realm, published: Published, clock: VirtualClock
) -> None:
    key = ClientKey()
    published.documents[URI] = key.jwks
    assert await status_of(realm, key, clock) == 200
    del published.documents[URI]
    clock.advance(86399)
    assert await status_of(realm, key, clock) == 200
    clock.advance(1)
    assert await status_of(realm, key, clock) == 401
    clock.advance(30)  # what failed is tried again so soon
    published.documents[URI] = key.jwks
    assert await status_of(realm, key, clock) == 200


async def test_what_failed_is_fetched_again_in_30_seconds(
    realm: Realm, published: Published, clock: VirtualClock
) -> None:
    old = ClientKey()
    published.documents[URI] = old.jwks
    assert await status_of(realm, old, clock) == 200
    del published.documents[URI]
    clock.advance(3600)
    assert await status_of(realm, old, clock) == 200
    published.documents[URI] = ClientKey(kid="key-2").jwks
    clock.advance(30)
    assert await status_of(realm, old, clock) == 401


async def test_keys_count_on_while_nothing_can_be_fetched(
    realm: Realm, published: Published, clock: VirtualClock
) -> None:
    key = ClientKey()
    assert await status_of(realm, key, clock) == 401
    published.documents[URI] = key.jwks
    assert await status_of(realm, key, clock) == 401  # asked a moment ago
    clock.advance(30)
    assert await status_of(realm, key, clock) == 200
    for broken in (None, "[]", "{", '{"keys": 7}', "\xff"):
        published.documents[URI] = broken
        clock.advance(3600)
        expected = 401 if broken == '{"keys": 7}' else 200
        assert await status_of(realm, key, clock) == expected, broken
        if expected == 401:
            published.documents[URI] = key.jwks
            clock.advance(30)
            assert await status_of(realm, key, clock) == 200
