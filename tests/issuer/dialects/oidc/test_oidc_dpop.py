"""DPoP (RFC 9449): tokens that are good for nobody but who can sign each request with their key."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from lingpai.core.clock import SystemClock, VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import Client
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.access_tokens import AccessTokens
from lingpai.issuer.dialects.oidc.dpop import Proofs
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.oidc.client_keys import KINDS, ClientKey
from tests.issuer.dialects.oidc.realms import ISSUER, NOW, SECRET, Answer, Realm, basic, bearer, serving_realm
from tests.issuer.engines import rows_of

PROVEN = [alg for alg in KINDS if alg != "RS256"]


@pytest.fixture
def key() -> ClientKey:
    return ClientKey()


async def bound(realm: Realm, key: ClientKey, **over: Any) -> Json:
    """Tokens that are bound to a key, of the client with a secret."""
    answer = await realm.exchange(await realm.code(**over), key.proof())
    assert answer.status == 200, answer.body
    return answer.json


async def bound_public(realm: Realm, key: ClientKey) -> Json:
    app_id = realm.public.app_id
    code = await realm.code(client_id=app_id)
    answer = await realm.exchange(code, key.proof(), client_id=app_id, client_secret=None)
    assert answer.status == 200, answer.body
    return answer.json


async def again(realm: Realm, token: str, key: ClientKey | None, *, public: bool = False) -> Answer:
    given = {"grant_type": "refresh_token", "refresh_token": token, "client_id": realm.app.app_id}
    own = {"client_id": realm.public.app_id} if public else {"client_secret": SECRET}
    return await realm.post("/token", given | own, key.proof() if key else None)


async def show(realm: Realm, token: str, key: ClientKey, **over: Any) -> Answer:
    return await realm.send("GET", "/userinfo", headers=key.shown(token, **over))


def verdict(answer: Answer) -> tuple[int, str]:
    """Status and error of a refusal at the userinfo endpoint, whose challenge is one of DPoP."""
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('DPoP algs="ES256 EdDSA PS256", ')
    assert f'error="{answer.json["error"]}"' in challenge
    return answer.refusal


@pytest.mark.parametrize("alg", PROVEN)
async def test_a_bound_token_is_good_with_a_proof_of_its_key(realm: Realm, alg: str) -> None:
    key = ClientKey(alg)
    found = await bound(realm, key)
    assert found["token_type"] == "DPoP"
    token = found["access_token"]
    assert (await show(realm, token, key)).json["preferred_username"] == "alice"
    known = await realm.introspect(token)
    assert (known["token_type"], known["cnf"]) == ("DPoP", {"jkt": key.jkt})


@pytest.mark.threat("H78")
async def test_h78_as_a_bearer_token_it_is_worth_nothing(realm: Realm, key: ClientKey) -> None:
    token = (await bound(realm, key))["access_token"]
    assert verdict(await realm.userinfo(token)) == (401, "invalid_token")
    assert verdict(await realm.post("/userinfo", {"access_token": token})) == (401, "invalid_token")
    proof = key.proof("/userinfo", htm="GET", token=token)
    assert verdict(await realm.send("GET", "/userinfo", headers=bearer(token) | proof)) == (
        401,
        "invalid_token",
    )


@pytest.mark.threat("H78")
async def test_h78_without_a_proof_or_with_anothers(realm: Realm, key: ClientKey) -> None:
    token = (await bound(realm, key))["access_token"]
    bare = await realm.send("GET", "/userinfo", headers={"Authorization": f"DPoP {token}"})
    assert verdict(bare) == (401, "invalid_dpop_proof")
    assert verdict(await show(realm, token, ClientKey())) == (401, "invalid_token")
    plain = (await realm.tokens())["access_token"]
    assert verdict(await show(realm, plain, key)) == (401, "invalid_token")
    assert verdict(await show(realm, "A" * 43, key)) == (401, "invalid_token")
    assert (await realm.userinfo(plain)).status == 200


REFUSED = [
    {"htm": "GET"},
    {"htm": "post"},
    {"htm": None},
    {"htu": ISSUER},
    {"htu": ISSUER + "/token/"},
    {"htu": ISSUER + "/userinfo"},
    {"htu": ISSUER.replace("https", "http") + "/token"},
    {"htu": "https://other.example/oidc/token"},
    {"htu": "https://login.example:8443/oidc/token"},
    {"htu": ISSUER + "%2Ftoken"},
    {"htu": "//login.example/oidc/token"},
    {"htu": None},
    {"htu": 7},
    {"iat": NOW - 61},
    {"iat": NOW + 61},
    {"iat": str(NOW)},
    {"iat": None},
    {"iat": True},
    {"jti": None},
    {"jti": ""},
    {"jti": "x" * 257},
    {"jti": 7},
]


@pytest.mark.threat("H78")
@pytest.mark.threat("L101")
@pytest.mark.parametrize("over", REFUSED, ids=str)
async def test_l101_a_proof_for_another_request_or_another_time(
    realm: Realm, key: ClientKey, over: Json
) -> None:
    code = await realm.code()
    refused = await realm.exchange(code, key.proof(**over))
    assert refused.refusal == (400, "invalid_dpop_proof")
    assert (await realm.exchange(code, key.proof())).status == 200


@pytest.mark.parametrize(
    "over",
    [
        {"htu": ISSUER + "/token?a=b#c"},
        {"htu": "HTTPS://LOGIN.example:443/oidc/%74oken"},
        {"iat": NOW - 10},
        {"iat": NOW + 10},
        {"iat": NOW - 60},
        {"iat": NOW + 0.5},
        {"nbf": NOW + 1000},
        {"exp": NOW - 1000},
        {"ath": "anything", "more": [1]},
    ],
    ids=str,
)
async def test_what_a_proof_may_have_besides(realm: Realm, key: ClientKey, over: Json) -> None:
    assert (await realm.exchange(await realm.code(), key.proof(**over))).status == 200


PRIVATE = ClientKey().key.as_dict(private=True)


@pytest.mark.threat("L99")
@pytest.mark.threat("L101")
@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"typ": "DPOP+JWT "},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"alg": "PS256"},
        {"alg": None},
        {"jwk": None},
        {"jwk": "key"},
        {"jwk": {}},
        {"jwk": PRIVATE},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jwk": {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}},
        {"jwk": {"kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA"}},
        {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
        {"jwk": {"kty": ["EC"]}},
        {"jwk": ClientKey().jwk},
        {"crit": ["b64"]},
    ],
    ids=lambda header: next(iter(header)),
)
async def test_l99_headers_of_a_proof(realm: Realm, key: ClientKey, header: Json) -> None:
    answer = await realm.exchange("A" * 43, key.proof(header=header))
    assert answer.refusal == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "令牌".encode().decode("latin-1"), "e30.e30.e30"])
async def test_any_text_is_no_proof(realm: Realm, text: str) -> None:
    assert (await realm.exchange("A" * 43, {"DPoP": text})).refusal == (400, "invalid_dpop_proof")


async def test_two_proofs_are_none(realm: Realm, key: ClientKey) -> None:
    body = b"grant_type=client_credentials"
    headers = [("Content-Type", "application/x-www-form-urlencoded"), *basic(realm.app.app_id).items()]
    headers += [("DPoP", key.proof()["DPoP"]), ("DPoP", key.proof()["DPoP"])]
    async with realm.http.post(f"{realm.url}/oidc/token", data=body, headers=headers) as response:
        assert (response.status, (await response.json())["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.threat("L101")
async def test_l101_a_proof_counts_once_at_token(realm: Realm, key: ClientKey) -> None:
    codes = [await realm.code() for _ in range(4)]
    proof = key.proof()
    answers = await asyncio.gather(*(realm.exchange(code, proof) for code in codes))
    refusals = [answer.refusal for answer in answers if answer.status != 200]
    assert refusals == [(400, "invalid_dpop_proof")] * 3
    pushed = await realm.post("/par", realm.asked(client_secret=SECRET), proof)
    assert pushed.refusal == (400, "invalid_dpop_proof")  # for another address as well
    same_jti = [key.proof(jti="once", iat=NOW + step) for step in (0, 1)]
    last = next(answer for answer in answers if answer.status == 200).json["refresh_token"]
    given = {"grant_type": "refresh_token", "refresh_token": last, "client_id": realm.app.app_id}
    again = [await realm.post("/token", given | {"client_secret": SECRET}, each) for each in same_jti]
    assert [answer.status for answer in again] == [200, 400]
    other = await realm.post("/token", given | {"client_secret": SECRET}, ClientKey().proof(jti="once"))
    assert other.status == 200  # the key is part of what counts once


@pytest.mark.threat("L101")
async def test_l101_a_proof_counts_once_at_userinfo(realm: Realm, key: ClientKey) -> None:
    token = (await bound(realm, key))["access_token"]
    headers = key.shown(token)
    assert (await realm.send("GET", "/userinfo", headers=headers)).status == 200
    assert verdict(await realm.send("GET", "/userinfo", headers=headers)) == (401, "invalid_dpop_proof")
    for over in ({"htm": "POST"}, {"htu": ISSUER + "/token"}, {"ath": "B" * 43}, {"ath": None}):
        refused = await show(realm, token, key, **over)
        assert verdict(refused) == (401, "invalid_dpop_proof")


async def test_what_a_process_remembers_of_proofs_is_forgotten(issuer: Issuer, clock: VirtualClock) -> None:
    proofs = Proofs(issuer)
    from lingpai.issuer.dialects.oidc.dpop import Proof

    for number in range(5):
        proofs.once_here(Proof("jkt", b"%d" % number, 0))
    clock.advance(1000)
    proofs.once_here(Proof("jkt", b"0", 0))
    assert len(proofs._seen) == 1


class TestCodesThatAreBound:
    async def test_by_dpop_jkt(self, realm: Realm, key: ClientKey) -> None:
        code = await realm.code(dpop_jkt=key.jkt)
        for headers in (None, ClientKey().proof()):
            assert (await realm.exchange(code, headers)).refusal == (400, "invalid_grant")
        found = await realm.exchange(code, key.proof())
        assert found.json["token_type"] == "DPoP"

    @pytest.mark.threat("L98")
    async def test_l98_by_a_proof_at_the_pushed_request(self, realm: Realm, key: ClientKey) -> None:
        pushed = await realm.post(
            "/par", realm.asked(client_secret=SECRET, scope="openid"), key.proof("/par")
        )
        assert pushed.status == 201, pushed.body
        own: Json = dict.fromkeys(realm.asked())
        own |= {"client_id": realm.app.app_id, "request_uri": pushed.json["request_uri"]}
        code = (await realm.answered(**own)).redirected["code"]
        assert (await realm.exchange(code, ClientKey().proof())).refusal == (400, "invalid_grant")
        assert (await realm.exchange(code, key.proof())).status == 200

    async def test_by_two_keys(self, realm: Realm, key: ClientKey) -> None:
        asked = realm.asked(client_secret=SECRET, dpop_jkt=ClientKey().jkt)
        pushed = await realm.post("/par", asked, key.proof("/par"))
        assert pushed.refusal == (400, "invalid_request")
        asked["dpop_jkt"] = key.jkt
        assert (await realm.post("/par", asked, key.proof("/par"))).status == 201

    @pytest.mark.parametrize("jkt", ["x", "x" * 44, "=" * 43])
    async def test_by_no_thumbprint(self, realm: Realm, jkt: str) -> None:
        assert (await realm.answered(dpop_jkt=jkt)).redirected["error"] == "invalid_request"

    async def test_of_those_who_bind_it_at_once_one_gets_tokens(self, realm: Realm) -> None:
        code, keys = await realm.code(), [ClientKey() for _ in range(4)]
        answers = await asyncio.gather(*(realm.exchange(code, key.proof()) for key in keys))
        assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]
        (won,) = [number for number, answer in enumerate(answers) if answer.status == 200]
        token = answers[won].json["access_token"]
        assert (await realm.introspect(token))["cnf"] == {"jkt": keys[won].jkt}

    async def test_without_openid(self, realm: Realm, key: ClientKey) -> None:
        await realm.change_app(scopes=("orders",))
        code = await realm.code(scope="orders", dpop_jkt=key.jkt)
        found = await realm.exchange(code, key.proof())
        assert (found.json["token_type"], "id_token" in found.json) == ("DPoP", False)

    async def test_a_code_that_comes_again_without_the_key_ends_its_tokens(
        self, realm: Realm, key: ClientKey
    ) -> None:
        code = await realm.code()
        found = (await realm.exchange(code, key.proof())).json
        assert (await show(realm, found["access_token"], key)).status == 200
        assert (await realm.exchange(code)).refusal == (400, "invalid_grant")
        assert await realm.introspect(found["access_token"]) == {"active": False}


class TestRefresh:
    async def test_of_a_public_client_is_bound_to_the_key(self, realm: Realm, key: ClientKey) -> None:
        token = (await bound_public(realm, key))["refresh_token"]
        for other in (None, ClientKey()):
            assert (await again(realm, token, other, public=True)).refusal == (400, "invalid_grant")
        second = await again(realm, token, key, public=True)
        assert second.json["token_type"] == "DPoP"
        assert (await show(realm, second.json["access_token"], key)).status == 200

    async def test_of_a_public_client_that_begins_to_prove_a_key(self, realm: Realm, key: ClientKey) -> None:
        first = await realm.public_tokens()
        second = (await again(realm, first["refresh_token"], key, public=True)).json
        assert second["token_type"] == "DPoP"
        third = await again(realm, second["refresh_token"], None, public=True)
        assert third.refusal == (400, "invalid_grant")

    @pytest.mark.parametrize("later", [0, 3600])
    async def test_a_thief_with_a_key_of_his_own_is_found(
        self, realm: Realm, key: ClientKey, clock: VirtualClock, later: int
    ) -> None:
        first = await realm.public_tokens()
        stolen = (await again(realm, first["refresh_token"], key, public=True)).json
        clock.advance(later)
        assert (await again(realm, first["refresh_token"], None, public=True)).refusal == (
            400,
            "invalid_grant",
        )
        given = {"grant_type": "refresh_token", "refresh_token": stolen["refresh_token"]}
        own = {"client_id": realm.public.app_id}
        proof = key.proof(iat=NOW + later)
        assert (await realm.post("/token", given | own, proof)).refusal == (400, "invalid_grant")
        assert await realm.introspect(stolen["access_token"]) == {"active": False}

    async def test_a_wrong_key_ends_nothing_of_a_token_that_is_current(
        self, realm: Realm, key: ClientKey
    ) -> None:
        token = (await bound_public(realm, key))["refresh_token"]
        assert (await again(realm, token, ClientKey(), public=True)).refusal == (400, "invalid_grant")
        second = (await again(realm, token, key, public=True)).json
        lost = await again(realm, token, key, public=True)  # the answer was lost
        assert lost.json["refresh_token"] == second["refresh_token"]

    async def test_refresh_token_with_a_new_key(self, realm: Realm, key: ClientKey) -> None:
        first, new = await bound(realm, key), ClientKey()
        second = await again(realm, first["refresh_token"], new)
        assert second.json["refresh_token"] == first["refresh_token"]
        assert (await show(realm, second.json["access_token"], new)).status == 200
        for old in (key, new):
            assert verdict(await show(realm, first["access_token"], old)) == (401, "invalid_token")
        assert await realm.introspect(first["access_token"]) == {"active": False}
        retried = await again(realm, first["refresh_token"], new)
        assert (await show(realm, retried.json["access_token"], new)).status == 200

    async def test_with_the_same_key_writes_no_grant(self, realm: Realm, key: ClientKey) -> None:
        first = await bound(realm, key)
        second = await again(realm, first["refresh_token"], key)
        assert second.json["access_token"] == first["access_token"]  # of the same second
        rows = await rows_of(realm.issuer.store, "SELECT generation FROM issuer_grants")
        assert [tuple(row) for row in rows] == [(1,)]

    async def test_with_new_keys_at_once(self, realm: Realm, key: ClientKey) -> None:
        token, keys = (await bound(realm, key))["refresh_token"], [ClientKey() for _ in range(3)]
        answers = await asyncio.gather(*(again(realm, token, each) for each in keys))
        assert [answer.status for answer in answers] == [200] * 3
        live = [await realm.introspect(answer.json["access_token"]) for answer in answers]
        assert sum(each["active"] for each in live) == 1

    async def test_without_a_key_it_is_a_bearer_token_again(self, realm: Realm, key: ClientKey) -> None:
        first = await bound(realm, key)
        second = await again(realm, first["refresh_token"], None)
        assert second.json["token_type"] == "Bearer"
        assert (await realm.userinfo(second.json["access_token"])).status == 200
        assert (await realm.userinfo(first["access_token"])).status == 401


class TestAClientsOwnToken:
    async def test_each_key_has_a_grant_that_stays(self, realm: Realm, clock: VirtualClock) -> None:
        keys = [ClientKey(), ClientKey()]
        tokens = []
        for _ in range(3):
            for key in keys:
                moment = NOW + int(clock.steady())
                headers = basic(realm.app.app_id) | key.proof(iat=moment)
                answer = await realm.post("/token", {"grant_type": "client_credentials"}, headers)
                assert (answer.status, answer.json["token_type"]) == (200, "DPoP"), answer.body
                tokens.append(answer.json["access_token"])
            clock.advance(1)
        known = [await realm.introspect(token) for token in tokens]
        assert [each["cnf"]["jkt"] for each in known] == [key.jkt for key in keys] * 3
        assert len(await rows_of(realm.issuer.store, "SELECT id FROM issuer_grants")) == 2
        assert (await realm.own()).json["token_type"] == "Bearer"


async def test_a_client_that_has_to_prove_a_key(realm: Realm, key: ClientKey) -> None:
    await realm.change_app(client=Client(dpop_bound_access_tokens=True))
    code = await realm.code()
    assert (await realm.exchange(code)).refusal == (400, "invalid_request")
    assert (await realm.exchange(code, key.proof())).status == 200


async def test_with_an_assertion_both_count_once(realm: Realm, key: ClientKey) -> None:
    client = Client(token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
    await realm.change_app(client=client)
    app_id = realm.app.app_id
    assertion, proof = key.asserted(app_id), key.proof()
    codes = [await realm.code() for _ in range(3)]
    assert (await realm.exchange(codes[0], proof, **assertion)).status == 200
    same_proof = await realm.exchange(codes[1], proof, **key.asserted(app_id))
    assert same_proof.refusal == (400, "invalid_dpop_proof")
    same_assertion = await realm.exchange(codes[2], key.proof(), **assertion)
    assert same_assertion.refusal == (401, "invalid_client")


class TestNonces:
    @pytest.fixture
    async def realm(self, issuer: Issuer, http: aiohttp.ClientSession) -> AsyncIterator[Realm]:
        issuer.policy = msgspec.structs.replace(issuer.policy, dpop_nonce=True)
        async with serving_realm(issuer, http) as served:
            yield served

    async def test_the_flow(self, realm: Realm, key: ClientKey, clock: VirtualClock) -> None:
        code = await realm.code()
        first = await realm.exchange(code, key.proof())
        assert first.refusal == (400, "use_dpop_nonce")
        assert "DPoP-Nonce" in first.headers["Access-Control-Expose-Headers"]
        nonce = first.headers["DPoP-Nonce"]
        second = await realm.exchange(code, key.proof(nonce=nonce, iat=NOW - 100_000))
        assert second.json["token_type"] == "DPoP"
        assert second.headers["DPoP-Nonce"]
        token = second.json["access_token"]
        challenged = await show(realm, token, key)
        assert verdict(challenged) == (401, "use_dpop_nonce")
        nonce = challenged.headers["DPoP-Nonce"]
        clock.advance(299)
        assert (await show(realm, token, key, nonce=nonce)).status == 200
        clock.advance(1)
        assert verdict(await show(realm, token, key, nonce=nonce)) == (401, "use_dpop_nonce")

    @pytest.mark.threat("L101")
    async def test_l101_a_nonce_of_another_realm(self, realm: Realm, key: ClientKey) -> None:
        issuer = realm.issuer
        other = Issuer(
            "other", issuer.policy, issuer.store, issuer._handles._ciphers._ring, issuer.clock, anchor=0.0
        )
        foreign = Proofs(other).nonce()
        own = issuer.seal(1, 0, 0, issuer.now(), 0)  # type: ignore[arg-type]  # a code, as text alike
        for nonce in (foreign, own, "", 7, "A" * 43):
            answer = await realm.exchange(await realm.code(), key.proof(nonce=nonce))
            assert answer.refusal == (400, "use_dpop_nonce"), nonce


async def test_a_nonce_that_nobody_asked_for_has_to_be_ours(realm: Realm, key: ClientKey) -> None:
    code = await realm.code()
    assert (await realm.exchange(code, key.proof(nonce="mine"))).refusal == (400, "use_dpop_nonce")
    plain = await realm.exchange(code, key.proof())
    assert (plain.status, "DPoP-Nonce" in plain.headers) == (200, False)


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1" + "0" * 400, "1.5", "true", '"1"'])
async def test_a_proof_of_no_time_is_refused(realm: Realm, key: ClientKey, number: str) -> None:
    claims = f'{{"htm":"POST","htu":"{ISSUER}/token","jti":"x","iat":{number}}}'
    header = {"typ": "dpop+jwt", "jwk": key.key.as_dict(private=False)}
    proof = {"DPoP": key.sign(header, msgspec.Raw(claims.encode()))}
    for clock in (realm.issuer.clock, SystemClock()):
        realm.issuer.clock = clock
        found = await realm.post(
            "/token", {"grant_type": "client_credentials"}, basic(realm.app.app_id) | proof
        )
        assert found.refusal == (400, "invalid_dpop_proof")


async def test_a_store_that_is_away_is_not_the_tokens_fault(
    realm: Realm, key: ClientKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await bound(realm, key))["access_token"]

    async def away(*_: Any, **__: Any) -> None:
        raise LingpaiError(Kind.STORE_UNAVAILABLE, "The store does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(AccessTokens, "read", away)
        found = await show(realm, token, key)
        assert found.refusal == (503, "temporarily_unavailable")
        assert "WWW-Authenticate" not in found.headers
    assert (await show(realm, token, key)).status == 200
