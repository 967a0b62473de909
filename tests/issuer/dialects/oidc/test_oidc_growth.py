"""Requests that count once are remembered while they could be sent again, and not longer.

That tokens alone leave no row is tested in `tests.bench.test_bench_tokens`.
"""

from collections.abc import Mapping

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Client
from lingpai.issuer import admin
from lingpai.issuer.policy import HOUR
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import REDIRECT, Realm, basic
from tests.issuer.engines import ENGINES, ready_engine, rows_of

BY_KEY = "100009"
TOKENS = 30
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}


@pytest.fixture(params=list(ENGINES))
def engine_name(request: pytest.FixtureRequest) -> str:
    return ready_engine(request)


async def counted(realm: Realm, engine_name: str) -> dict[str, int]:
    """The rows of each table."""
    store = realm.issuer.store
    tables = [name for (name,) in await rows_of(store, TABLES[engine_name])]
    return {name: (await rows_of(store, f'SELECT count(*) FROM "{name}"'))[0][0] for name in tables}


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in after.items() if count != before[name]}


async def test_proofs_and_assertions_are_forgotten_once_they_have_ended(
    realm: Realm, engine_name: str, clock: VirtualClock
) -> None:
    key, machine = ClientKey(), {"grant_type": "client_credentials"}
    client = Client(token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
    app = App(realm="oidc", app_id=BY_KEY, redirect_uris=(REDIRECT,), client=client)
    await admin.declare_app(realm.issuer, app, "")
    kept = (await realm.tokens())["refresh_token"]

    async def ask(number: int) -> None:
        jti = f"growth-{number}"
        for path, given, headers in (
            ("/token", machine, {**basic(realm.app.app_id), **key.proof(jti=jti)}),
            ("/token", {**machine, **key.asserted(BY_KEY, jti=jti)}, {}),
            ("/introspect", {"token": kept} | key.asserted(BY_KEY, jti=f"introspection-{number}"), {}),
        ):
            answer = await realm.post(path, given, headers)
            assert answer.status == 200, answer.body

    await ask(-1)  # makes the standing grants
    await realm.issuer.store.purge_issuer(int(clock.now()) + HOUR, 1000)
    before = await counted(realm, engine_name)
    for number in range(TOKENS):
        await ask(number)
    assert grown(before, await counted(realm, engine_name)) == {"issuer_signed_requests": 3 * TOKENS}
    await realm.issuer.store.purge_issuer(int(clock.now()) + HOUR, 1000)
    assert grown(before, await counted(realm, engine_name)) == {}
