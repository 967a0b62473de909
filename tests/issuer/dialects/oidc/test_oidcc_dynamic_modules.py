"""The modules of the conformance suite's Dynamic plan that the Basic plan has not, by their names there.

Each registers its client first. Those of rotating keys are in `test_oidcc_modules`.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.publishing import Published
from tests.issuer.dialects.oidc.realms import ISSUER, REDIRECT, Answer, Realm, claims_of
from tests.issuer.test_signing_keys import published as keys_of
from tests.issuer.test_signing_keys import verify

QUERY = REDIRECT + "?foo=bar"
KEYS = "https://client.example/keys.json"
SECTOR = "https://client.example/redirects.json"


@dataclass
class Plan:
    """A realm with registration, and what clients publish."""

    realm: Realm
    published: Published

    async def registered(self, **over: Any) -> Json:
        answer = await self.realm.register(**over)
        assert answer.status == 201, answer.body
        return answer.json

    async def keyed(self, key: ClientKey) -> Json:
        """A client that authenticates by a key at an address."""
        self.published.documents[KEYS] = key.jwks
        return await self.registered(
            token_endpoint_auth_method="private_key_jwt",
            jwks_uri=KEYS,
            grant_types=["authorization_code", "refresh_token"],
        )

    async def tokens(self, client: Json, proof: Json | None = None, **over: Any) -> Answer:
        """What the client gets for a code of its own."""
        own = client["client_id"]
        code = await self.realm.code(client_id=own, **over)
        by_secret = {"client_id": own, "client_secret": client.get("client_secret")}
        return await self.realm.exchange(code, **(proof or by_secret), **over)


@pytest.fixture
def plan(realm: Realm, published: Published) -> Plan:
    return Plan(realm, published)


async def test_oidcc_idtoken_rs256(plan: Plan) -> None:
    tokens = (await plan.tokens(await plan.registered())).json
    keys = keys_of((await plan.realm.send("GET", "/jwks")).body)
    [rs256] = [key for key in keys.values() if key["alg"] == "RS256" and key["use"] == "sig"]
    assert verify(tokens["id_token"], rs256)["iss"] == ISSUER


async def test_oidcc_redirect_uri_query_ok(plan: Plan) -> None:
    client = await plan.registered(redirect_uris=[QUERY])
    answer = await plan.realm.answered(client_id=client["client_id"], redirect_uri=QUERY)
    assert answer.headers["Location"].startswith(QUERY + "&")
    assert (answer.redirected["foo"], "code" in answer.redirected) == ("bar", True)
    assert (await plan.tokens(client, redirect_uri=QUERY)).status == 200


@pytest.mark.parametrize(
    ("uri", "asked"),
    [(QUERY, REDIRECT + "?foo=baz"), (REDIRECT, QUERY), (QUERY, REDIRECT), (QUERY, QUERY + "&x=y")],
)
async def test_oidcc_redirect_uri_query_mismatch_and_added(plan: Plan, uri: str, asked: str) -> None:
    client = await plan.registered(redirect_uris=[uri])
    answer = await plan.realm.authorize(client_id=client["client_id"], redirect_uri=asked)
    assert answer.refusal == (400, "invalid_request")
    assert "Location" not in answer.headers


async def test_oidcc_redirect_uri_regfrag(plan: Plan) -> None:
    answer = await plan.realm.register(redirect_uris=[REDIRECT + "#foobar"])
    assert answer.refusal == (400, "invalid_redirect_uri")


async def test_oidcc_registration_jwks_uri(plan: Plan) -> None:
    key = ClientKey("RS256")
    client = await plan.keyed(key)
    assert (client["jwks_uri"], "client_secret" in client) == (KEYS, False)
    assert (await plan.tokens(client, key.asserted(client["client_id"]))).status == 200
    assert KEYS in plan.published.fetched


async def test_oidcc_registration_sector_uri(plan: Plan) -> None:
    uris = [REDIRECT, "https://other.example/callback"]
    plan.published.documents[SECTOR] = uris
    client = await plan.registered(redirect_uris=uris, subject_type="pairwise", sector_identifier_uri=SECTOR)
    subs = {claims_of((await plan.tokens(client)).json["id_token"])["sub"] for _ in range(2)}
    public = claims_of((await plan.realm.tokens())["id_token"])["sub"]
    assert (len(subs), public in subs) == (1, False)


async def test_oidcc_registration_sector_bad(plan: Plan) -> None:
    plan.published.documents[SECTOR] = ["https://other.example/callback"]
    answer = await plan.realm.register(subject_type="pairwise", sector_identifier_uri=SECTOR)
    assert answer.refusal == (400, "invalid_client_metadata")


async def test_oidcc_refresh_token_rp_key_rotation(plan: Plan, clock: VirtualClock) -> None:
    """The client replaces its keys where it publishes them, and its refresh tokens live on."""
    first, second = ClientKey(kid="first"), ClientKey(kid="second")
    client = await plan.keyed(first)
    own = client["client_id"]
    tokens = (await plan.tokens(client, first.asserted(own))).json
    plan.published.documents[KEYS] = second.jwks
    clock.advance(30)  # a kid that is unknown has the keys fetched anew, once in this time
    refreshed = await plan.realm.refresh(tokens["refresh_token"], **second.asserted(own))
    assert refreshed.status == 200
    refused = await plan.realm.refresh(refreshed.json["refresh_token"], **first.asserted(own))
    assert refused.refusal == (401, "invalid_client")


async def test_oidcc_ensure_client_assertion_with_iss_aud_succeeds(plan: Plan) -> None:
    key = ClientKey()
    client = await plan.keyed(key)
    proof = key.asserted(client["client_id"], aud=ISSUER)
    assert (await plan.tokens(client, proof)).status == 200
