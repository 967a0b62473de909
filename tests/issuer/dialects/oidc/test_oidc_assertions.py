"""private_key_jwt (RFC 7523, OpenID Connect Core §9): who signs is the client, once, for us, and now."""

import asyncio
from typing import Any

import pytest

from lingpai.core import base64url
from lingpai.core.issuer_records import App, Client
from lingpai.issuer import admin
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.oidc.client_keys import ASSERTION, KINDS, ClientKey
from tests.issuer.dialects.oidc.realms import ISSUER, NOW, REDIRECT, Realm, basic
from tests.issuer.engines import rows_of

ID = "100010"


async def add_client(realm: Realm, jwks: Json | None, **client: Any) -> App:
    settings = Client(token_endpoint_auth_method="private_key_jwt", jwks=jwks, **client)
    app = App(realm=realm.issuer.realm, app_id=ID, redirect_uris=(REDIRECT,), client=settings)
    return await admin.declare_app(realm.issuer, app, "")


@pytest.fixture
def key() -> ClientKey:
    return ClientKey()


@pytest.fixture
async def client(realm: Realm, key: ClientKey) -> App:
    return await add_client(realm, key.jwks)


async def ask(realm: Realm, asserted: Json) -> tuple[int, str]:
    """The client's own token: 200 and "", or the refusal."""
    answer = await realm.post("/token", {"grant_type": "client_credentials"} | asserted)
    return (200, "") if answer.status == 200 else answer.refusal


@pytest.mark.parametrize("alg", KINDS)
async def test_every_algorithm_signs_a_client_in_at_every_endpoint(realm: Realm, alg: str) -> None:
    key = ClientKey(alg)
    app = await add_client(realm, key.jwks)
    assert not app.secrets
    code = await realm.code(client_id=ID)
    found = await realm.exchange(code, **key.asserted(ID))
    assert found.status == 200, found.body
    again = await realm.refresh(found.json["refresh_token"], **key.asserted(ID))
    assert again.json["refresh_token"] == found.json["refresh_token"]
    about = {"token": again.json["access_token"]}
    known = await realm.post("/introspect", about | key.asserted(ID))
    assert (known.json["active"], known.json["client_id"]) == (True, ID)
    assert (await realm.post("/revoke", about | key.asserted(ID))).status == 200
    gone = await realm.post("/introspect", about | key.asserted(ID))
    assert gone.json == {"active": False}


@pytest.mark.parametrize("audience", [ISSUER, ISSUER + "/token", [ISSUER]], ids=str)
async def test_audiences(realm: Realm, key: ClientKey, client: App, audience: Any) -> None:
    assert await ask(realm, key.asserted(ID, aud=audience)) == (200, "")


async def test_the_client_id_may_be_in_the_assertion_alone(realm: Realm, key: ClientKey, client: App) -> None:
    assert await ask(realm, key.asserted(ID) | {"client_id": None}) == (200, "")


async def test_a_key_without_a_name_fits_any_name(realm: Realm) -> None:
    key = ClientKey(kid=None)
    await add_client(realm, {"keys": [ClientKey("EdDSA").jwk, {"kty": "oct", "k": "AAAA"}, key.jwk]})
    assert await ask(realm, key.asserted(ID)) == (200, "")


@pytest.mark.threat("H77")
@pytest.mark.parametrize(
    "over",
    [
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"aud": [ISSUER, ISSUER]},
        {"aud": []},
        {"aud": None},
        {"aud": ISSUER + "/"},
        {"aud": {"a": 1}},
        {"iss": "100001"},
        {"iss": None},
        {"sub": None},
        {"sub": 100010},
        {"sub": "100001", "iss": "100001"},
        {"exp": None},
        {"exp": NOW},
        {"exp": NOW - 300},
        {"exp": str(NOW + 60)},
        {"exp": True},
        {"exp": NOW + 3620},
        {"exp": 1e300},
        {"nbf": NOW + 61},
        {"iat": NOW + 61},
        {"iat": "now"},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 257},
        {"jti": 7},
    ],
    ids=str,
)
async def test_h77_claims_that_are_not_for_us_and_for_now(
    realm: Realm, key: ClientKey, client: App, over: Json
) -> None:
    assert await ask(realm, key.asserted(ID, **over)) == (401, "invalid_client")
    assert await ask(realm, key.asserted(ID)) == (200, "")


@pytest.mark.parametrize("over", [{"nbf": NOW + 8}, {"iat": NOW + 8}, {"exp": NOW + 60.5}], ids=str)
async def test_clocks_may_differ_a_little(realm: Realm, key: ClientKey, client: App, over: Json) -> None:
    assert await ask(realm, key.asserted(ID, **over)) == (200, "")


@pytest.mark.threat("L126")
@pytest.mark.parametrize("over", [{"exp": str(NOW + 60)}, {"aud": [ISSUER, ISSUER + "/token"]}], ids=str)
async def test_l126_an_expiry_in_quotes_and_two_audiences(
    realm: Realm, key: ClientKey, client: App, over: Json
) -> None:
    assert await ask(realm, key.asserted(ID, **over)) == (401, "invalid_client")


@pytest.mark.threat("L99")
@pytest.mark.parametrize(
    ("head", "signed_by"),
    [("none", "ES256"), ("HS256", "ES256"), ("RS256", "ES256"), ("EdDSA", "ES256"), ("PS256", "RS256")],
)
async def test_l99_an_algorithm_that_is_not_the_keys(realm: Realm, head: str, signed_by: str) -> None:
    key = ClientKey(signed_by)
    await add_client(realm, key.jwks)
    assert await ask(realm, key.asserted(ID, header={"alg": head})) == (401, "invalid_client")
    unsigned = key.asserted(ID, header={"alg": head})
    unsigned["client_assertion"] = unsigned["client_assertion"].rpartition(".")[0] + "."
    assert await ask(realm, unsigned) == (401, "invalid_client")


@pytest.mark.threat("L99")
async def test_l99_a_public_key_as_a_shared_one(realm: Realm, key: ClientKey, client: App) -> None:
    import hashlib
    import hmac

    import msgspec

    head, claims, _ = key.assertion(ID, header={"alg": "HS256"}).split(".")
    for shared in (msgspec.json.encode(key.jwk), key.key.as_pem(private=False)):
        signature = hmac.new(shared, f"{head}.{claims}".encode(), hashlib.sha256).digest()
        forged = f"{head}.{claims}.{base64url.encode(signature)}"
        answer = key.asserted(ID) | {"client_assertion": forged}
        assert await ask(realm, answer) == (401, "invalid_client")


@pytest.mark.threat("L100")
@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"kid": "x" * 4000},
        {"kid": ["key-1"]},
        {"kid": {"a": "b"}},
        {"crit": ["exp"]},
        {"crit": []},
        {"alg": ["ES256"]},
        {"alg": None},
        {"jku": "http://127.0.0.1/", "kid": "other"},
        {"x5u": "http://127.0.0.1/", "kid": "other"},
        {"jwk": {"kty": "oct", "k": "AAAA"}, "kid": "other"},
    ],
    ids=lambda header: next(iter(header)),
)
async def test_l100_headers_that_point_elsewhere(
    realm: Realm, key: ClientKey, client: App, header: Json
) -> None:
    assert await ask(realm, key.asserted(ID, header=header)) == (401, "invalid_client")


async def test_anothers_key(realm: Realm, client: App) -> None:
    assert await ask(realm, ClientKey().asserted(ID)) == (401, "invalid_client")


@pytest.mark.parametrize(
    "text",
    ["", "a.b", "a.b.c", "a.b.c.d", "令.牌.牌", ".".join(["e30"] * 3)],
)
async def test_any_text_is_no_assertion(realm: Realm, key: ClientKey, client: App, text: str) -> None:
    assert await ask(realm, key.asserted(ID) | {"client_assertion": text}) == (401, "invalid_client")


@pytest.mark.parametrize("given", [None, "", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"])
async def test_the_type_says_what_it_is(realm: Realm, key: ClientKey, client: App, given: str | None) -> None:
    answer = key.asserted(ID) | {"client_assertion_type": given}
    assert await ask(realm, answer) == (401, "invalid_client")


async def test_two_authentications(realm: Realm, key: ClientKey, client: App) -> None:
    reply = key.asserted(ID) | {"client_secret": "secret"}
    assert await ask(realm, reply) == (400, "invalid_request")
    own = {"grant_type": "client_credentials"} | key.asserted(ID)
    answer = await realm.post("/token", own | {"client_id": None}, basic(realm.app.app_id))
    assert answer.refusal == (400, "invalid_request")


async def test_a_client_uses_its_own_method(realm: Realm, key: ClientKey, client: App) -> None:
    assert await ask(realm, key.asserted(realm.app.app_id)) == (401, "invalid_client")
    assert await ask(realm, key.asserted(realm.public.app_id)) == (401, "invalid_client")
    for secret in ("", "secret"):
        answer = {"client_id": ID, "client_secret": secret}
        assert await ask(realm, answer) == (401, "invalid_client")


async def test_a_secret_of_the_time_before_is_good_for_nothing(realm: Realm, key: ClientKey) -> None:
    changed = Client(token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
    await realm.change_app(client=changed)
    assert (await realm.own()).refusal == (401, "invalid_client")


async def test_new_keys_count_at_once(realm: Realm, key: ClientKey, client: App) -> None:
    assert await ask(realm, key.asserted(ID)) == (200, "")
    other = ClientKey()
    changed = Client(token_endpoint_auth_method="private_key_jwt", jwks=other.jwks)
    await realm.change(client, client=changed)
    assert await ask(realm, other.asserted(ID)) == (200, "")
    assert await ask(realm, key.asserted(ID)) == (401, "invalid_client")


@pytest.mark.threat("L102")
async def test_l102_an_assertion_counts_once(realm: Realm, key: ClientKey, client: App) -> None:
    answer = key.asserted(ID)
    assert await ask(realm, answer) == (200, "")
    assert await ask(realm, answer) == (401, "invalid_client")
    about = {"token": "A" * 43} | answer
    assert (await realm.post("/introspect", about)).refusal == (401, "invalid_client")
    assert (await realm.post("/revoke", about)).refusal == (401, "invalid_client")
    same_jti = key.asserted(ID, jti="once", exp=NOW + 30), key.asserted(ID, jti="once", exp=NOW + 31)
    assert [await ask(realm, each) for each in same_jti] == [(200, ""), (401, "invalid_client")]


@pytest.mark.threat("L102")
async def test_l102_of_all_who_send_it_at_once_one_counts(realm: Realm, key: ClientKey, client: App) -> None:
    answer = key.asserted(ID)
    answers = await asyncio.gather(*(ask(realm, answer) for _ in range(6)))
    assert sorted(answers) == [(200, "")] + [(401, "invalid_client")] * 5


@pytest.mark.threat("L102")
async def test_l102_at_a_code_it_is_remembered_in_the_same_commit(
    realm: Realm, key: ClientKey, client: App
) -> None:
    first, second = await realm.code(client_id=ID), await realm.code(client_id=ID)
    reply = key.asserted(ID)
    answers = await asyncio.gather(realm.exchange(first, **reply), realm.exchange(second, **reply))
    assert sorted(answer.status for answer in answers) == [200, 401]
    kept = await rows_of(realm.issuer.store, "SELECT count(*) FROM issuer_signed_requests")
    assert [tuple(row) for row in kept] == [(1,)]


async def test_a_refused_request_uses_its_assertion_up(realm: Realm, key: ClientKey, client: App) -> None:
    answer = key.asserted(ID)
    assert (await realm.exchange("A" * 43, **answer)).refusal == (400, "invalid_grant")
    assert await ask(realm, answer) == (401, "invalid_client")


class TestFapi2:
    @pytest.fixture
    async def held(self, realm: Realm, key: ClientKey) -> App:
        return await add_client(realm, key.jwks, fapi2=True)

    async def test_the_issuer_alone_is_its_audience(self, realm: Realm, key: ClientKey, held: App) -> None:
        for audience in (ISSUER + "/token", ISSUER + "/par", [ISSUER]):
            assert await ask(realm, key.asserted(ID, aud=audience)) == (401, "invalid_client")
        assert await ask(realm, key.asserted(ID)) == (200, "")

    async def test_it_lives_for_five_minutes(self, realm: Realm, key: ClientKey, held: App) -> None:
        assert await ask(realm, key.asserted(ID, exp=NOW + 300)) == (200, "")
        assert await ask(realm, key.asserted(ID, exp=NOW + 311)) == (401, "invalid_client")

    async def test_no_rs256(self, realm: Realm) -> None:
        key = ClientKey("RS256")
        await add_client(realm, {"keys": [key.jwk | {"alg": None}]}, fapi2=True)
        assert await ask(realm, key.asserted(ID)) == (401, "invalid_client")


async def test_an_algorithm_of_the_clients_own(realm: Realm) -> None:
    keys = [ClientKey("ES256", "a"), ClientKey("EdDSA", "b")]
    await add_client(realm, {"keys": [key.jwk for key in keys]}, token_endpoint_auth_signing_alg="EdDSA")
    assert [await ask(realm, key.asserted(ID)) for key in keys] == [(401, "invalid_client"), (200, "")]


async def test_the_type_alone_is_an_authentication(realm: Realm) -> None:
    answer = {"client_id": realm.public.app_id, "client_assertion_type": ASSERTION}
    assert await ask(realm, answer) == (401, "invalid_client")
