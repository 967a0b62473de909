"""The modules of the conformance suite for FAPI 2.0 Security Profile (final) with private_key_jwt and DPoP, by name.

The suite itself needs Java and a database, and does not run here. A client that is held to the profile pushes each
request, signs in with its key, and proves another one.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Client
from lingpai.issuer import admin
from tests.issuer.dialects.calls import Json, encoded
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import (
    CHALLENGE,
    ISSUER,
    NONCE,
    NOW,
    REDIRECT,
    STATE,
    VERIFIER,
    Answer,
    Realm,
    claims_of,
)

FIRST, SECOND = "100011", "100012"
SCOPE = "openid profile offline_access"


@dataclass
class Party:
    """A client of the profile.

    Attributes:
        key: what it signs in with.
        proof: what its tokens are bound to.
    """

    realm: Realm
    app_id: str
    key: ClientKey = field(default_factory=ClientKey)
    proof: ClientKey = field(default_factory=ClientKey)

    async def register(self) -> "Party":
        client = Client(
            token_endpoint_auth_method="private_key_jwt",
            jwks=self.key.jwks,
            fapi2=True,
            require_pushed_authorization_requests=True,
            dpop_bound_access_tokens=True,
        )
        app = App(realm=self.realm.issuer.realm, app_id=self.app_id, redirect_uris=(REDIRECT,), client=client)
        await admin.declare_app(self.realm.issuer, app, "")
        return self

    def signed(self, **claims: Any) -> Json:
        return self.key.asserted(self.app_id, **claims)

    async def push(
        self, *, proof: ClientKey | None = None, assertion: Json | None = None, **over: Any
    ) -> Answer:
        asked = {
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "state": STATE,
            "nonce": NONCE,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        headers = proof.proof("/par") if proof else None
        signed = self.signed() if assertion is None else assertion
        return await self.realm.post("/par", signed | asked | over, headers)

    async def visit(self, uri: str, *, allowed: bool = True, **outside: Any) -> Answer:
        asked = encoded({"client_id": self.app_id, "request_uri": uri} | outside)
        return Answer(
            *await self.realm.visitor.walk(f"{self.realm.url}/oidc/authorize?{asked}", allowed=allowed)
        )

    async def code(self, *, proof: ClientKey | None = None, **over: Any) -> str:
        pushed = await self.push(proof=proof, **over)
        assert pushed.status == 201, pushed.body
        return (await self.visit(pushed.json["request_uri"])).redirected["code"]

    async def redeem(
        self,
        code: str,
        *,
        assertion: Json | None = None,
        proof: ClientKey | None = None,
        proven: dict[str, str] | None = None,
        **over: Any,
    ) -> Answer:
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        signed = self.signed() if assertion is None else assertion
        headers = (proof or self.proof).proof() if proven is None else proven
        return await self.realm.post("/token", signed | given | over, headers)

    async def tokens(self) -> Json:
        answer = await self.redeem(await self.code())
        assert answer.status == 200, answer.body
        return answer.json

    async def info(self, token: str, **over: Any) -> Answer:
        return await self.realm.send("GET", "/userinfo", headers=self.proof.shown(token, **over))


@pytest.fixture
async def party(realm: Realm) -> Party:
    return await Party(realm, FIRST).register()


@pytest.fixture
async def other(realm: Realm) -> Party:
    return await Party(realm, SECOND).register()


async def test_fapi2_happy_flow(party: Party) -> None:
    found = await party.tokens()
    assert (found["token_type"], claims_of(found["id_token"])["aud"]) == ("DPoP", FIRST)
    assert (await party.info(found["access_token"])).json["sub"] == claims_of(found["id_token"])["sub"]


async def test_fapi2_user_rejects_authentication(party: Party) -> None:
    pushed = (await party.push()).json["request_uri"]
    answer = (await party.visit(pushed, allowed=False)).redirected
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", STATE, ISSUER)


@pytest.mark.parametrize("name", ["state", "nonce"])
async def test_fapi2_ensure_authorization_request_without_state_and_nonce_success(
    party: Party, name: str
) -> None:
    pushed = (await party.push(**{name: None})).json["request_uri"]
    answered = (await party.visit(pushed)).redirected
    found = (await party.redeem(answered["code"])).json
    assert ("state" in answered) == (name != "state")
    assert ("nonce" in claims_of(found["id_token"])) == (name != "nonce")


@pytest.mark.parametrize(("name", "length"), [("state", 384), ("nonce", 384)])
async def test_fapi2_ensure_authorization_request_with_long_state_and_nonce(
    party: Party, name: str, length: int
) -> None:
    text = "x" * length
    over: Json = {name: text}
    answered = (await party.visit((await party.push(**over)).json["request_uri"])).redirected
    found = (await party.redeem(answered["code"])).json
    assert text in {answered["state"], claims_of(found["id_token"])["nonce"]}


@pytest.mark.parametrize("scheme", ["dpop", "DPOP", "DPoP"])
async def test_fapi2_access_token_type_header_case_sensitivity(party: Party, scheme: str) -> None:
    token = (await party.tokens())["access_token"]
    headers = party.proof.shown(token) | {"Authorization": f"{scheme} {token}"}
    assert (await party.realm.send("GET", "/userinfo", headers=headers)).status == 200


@pytest.mark.parametrize(
    "over", [{"iat": NOW - 10}, {"iat": NOW + 10}, {"nbf": NOW}, {"exp": NOW + 60}], ids=str
)
async def test_fapi2_ensure_dpop_proof_with_iat_10seconds_and_nbf_exp_succeeds(
    party: Party, over: Json
) -> None:
    found = (await party.redeem(await party.code(), proven=party.proof.proof(**over))).json
    assert (await party.info(found["access_token"], **over)).status == 200


NEGATIVE: list[tuple[Json, Json]] = [
    ({}, {"typ": "JWT"}), ({}, {"typ": None}), ({}, {"alg": "none"}), ({}, {"alg": "HS256"}), ({}, {"alg": "RS256"}),
    ({}, {"jwk": None}), ({}, {"jwk": {"kty": "oct", "k": "AAAA"}}), ({}, {"crit": ["x"], "x": 1}),
    ({"jti": None}, {}), ({"htm": None}, {}), ({"htm": "GET"}, {}), ({"htu": None}, {}), ({"iat": None}, {}),
    ({"htu": ISSUER + "/userinfo"}, {}), ({"htu": "https://other.example/oidc/token"}, {}), ({"iat": NOW - 3600}, {}),
    ({"iat": NOW + 3600}, {}), ({"nonce": "not ours"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("claims", "header"), NEGATIVE, ids=str)
async def test_fapi2_dpop_negative_tests_at_token(party: Party, claims: Json, header: Json) -> None:
    code = await party.code()
    refused = await party.redeem(code, proven=party.proof.proof(header=header, **claims))
    assert refused.refusal in {(400, "invalid_dpop_proof"), (400, "use_dpop_nonce")}
    assert (await party.redeem(code)).status == 200


@pytest.mark.parametrize(
    ("claims", "header"),
    [({"ath": None}, {}), ({"ath": "x"}, {}), ({"htm": "POST"}, {}), ({"htu": ISSUER}, {}), *NEGATIVE[:9]],
    ids=str,
)
async def test_fapi2_dpop_negative_tests_at_userinfo(party: Party, claims: Json, header: Json) -> None:
    token = (await party.tokens())["access_token"]
    refused = await party.info(token, header=header, **claims)
    assert (refused.status, refused.json["error"]) == (401, "invalid_dpop_proof")
    assert (await party.info(token)).status == 200


async def test_fapi2_dpop_negative_tests_proof_twice_and_absent(party: Party) -> None:
    token = (await party.tokens())["access_token"]
    shown = party.proof.shown(token)
    assert (await party.realm.send("GET", "/userinfo", headers=shown)).status == 200
    assert (await party.realm.send("GET", "/userinfo", headers=shown)).status == 401
    assert (await party.redeem(await party.code(), proven={})).refusal == (400, "invalid_request")
    bare = await party.realm.send("GET", "/userinfo", headers={"Authorization": f"DPoP {token}"})
    assert (bare.status, bare.json["error"]) == (401, "invalid_dpop_proof")


async def test_fapi2_ensure_mismatched_dpop_jkt_fails_at_par(party: Party) -> None:
    refused = await party.push(proof=party.proof, dpop_jkt=ClientKey().jkt)
    assert refused.refusal == (400, "invalid_request")
    assert (await party.push(proof=party.proof, dpop_jkt=party.proof.jkt)).status == 201


@pytest.mark.parametrize("by", ["jkt", "proof"])
async def test_fapi2_ensure_token_endpoint_fails_with_mismatched_dpop_jkt_and_proof_jkt(
    party: Party, by: str
) -> None:
    given: Json = {"dpop_jkt": party.proof.jkt} if by == "jkt" else {"proof": party.proof}
    code = await party.code(**given)
    assert (await party.redeem(code, proof=ClientKey())).refusal == (400, "invalid_grant")
    assert (await party.redeem(code)).status == 200


@pytest.mark.parametrize("by", ["jkt", "proof"])
async def test_fapi2_ensure_dpop_auth_code_binding_success(party: Party, by: str) -> None:
    given: Json = {"dpop_jkt": party.proof.jkt} if by == "jkt" else {"proof": party.proof}
    assert (await party.redeem(await party.code(**given))).json["token_type"] == "DPoP"


async def test_fapi2_ensure_unregistered_redirect_uri_and_request_object_without_redirect_uri_fail(
    party: Party,
) -> None:
    for uri in (REDIRECT + "/x", "https://evil.example/", None):
        assert (await party.push(redirect_uri=uri)).refusal == (400, "invalid_request")


async def test_fapi2_ensure_authorization_request_without_par_fails(party: Party) -> None:
    answer = (await party.realm.authorize(client_id=FIRST)).redirected
    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize("kind", ["code id_token", "token"])
async def test_fapi2_ensure_response_type_code_idtoken_and_token_fail(party: Party, kind: str) -> None:
    assert (await party.push(response_type=kind)).refusal == (400, "unsupported_response_type")


async def test_fapi2_ensure_client_id_in_token_endpoint(party: Party, other: Party) -> None:
    """A client's assertion beside another one's id."""
    refused = await party.redeem(await party.code(), client_id=SECOND)
    assert refused.refusal == (401, "invalid_client")
    assert (await other.push(client_id=FIRST)).refusal == (401, "invalid_client")


async def test_fapi2_ensure_holder_of_key_required(party: Party) -> None:
    token = (await party.tokens())["access_token"]
    assert (await party.realm.userinfo(token)).status == 401
    stolen = await party.realm.send("GET", "/userinfo", headers=ClientKey().shown(token))
    assert stolen.status == 401


async def test_fapi2_ensure_authorization_code_is_bound_to_client(party: Party, other: Party) -> None:
    code = await party.code()
    assert (await other.redeem(code)).refusal == (400, "invalid_grant")
    assert (await party.redeem(code)).status == 200


@pytest.mark.parametrize("seconds", [1, 60])
async def test_fapi2_attempt_reuse_authorization_code_after_one_second_and_one_minute(
    party: Party, clock: VirtualClock, seconds: int
) -> None:
    code = await party.code()
    token = (await party.redeem(code)).json["access_token"]
    clock.advance(seconds)
    now: Json = {"iat": NOW + seconds}
    signed = party.signed(exp=NOW + seconds + 60, **now)
    again = await party.redeem(code, assertion=signed, proven=party.proof.proof(**now))
    assert again.refusal == (400, "invalid_grant")
    assert (await party.info(token, **now)).status == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 300},
        {"exp": None},
        {"aud": "https://other.example/"},
        {"aud": None},
        {"aud": [ISSUER, "https://other.example/"]},
        {"aud": [ISSUER]},
        {"aud": ISSUER + "/token"},
        {"aud": ISSUER + "/par"},
        {"sub": None},
        {"iss": None},
        {"sub": SECOND},
        {"jti": None},
        {"nbf": NOW + 70},
        {"iat": NOW + 70},
    ],
    ids=str,
)
async def test_fapi2_ensure_client_assertion_that_is_not_right_fails(party: Party, claims: Json) -> None:
    for answer in (
        await party.push(assertion=party.signed(**claims)),
        await party.redeem(await party.code(), assertion=party.signed(**claims)),
    ):
        assert answer.refusal == (401, "invalid_client")


async def test_fapi2_ensure_client_assertion_with_iss_aud_and_nbf_8_seconds_in_the_future_succeeds(
    party: Party,
) -> None:
    assert (await party.push(assertion=party.signed(nbf=NOW + 8, iat=NOW + 8))).status == 201


async def test_fapi2_ensure_signed_client_assertion_with_rs256_fails(realm: Realm) -> None:
    party = await Party(realm, FIRST, key=ClientKey("RS256")).register()
    assert (await party.push()).refusal == (401, "invalid_client")
    ps256 = await Party(realm, SECOND, key=ClientKey("PS256")).register()
    assert (await ps256.push()).status == 201


async def test_fapi2_ensure_token_endpoint_fails_without_client_assertion(party: Party) -> None:
    code = await party.code()
    refused = await party.redeem(code, assertion={"client_id": FIRST})
    assert refused.refusal == (401, "invalid_client")


async def test_fapi2_refresh_token(party: Party, other: Party) -> None:
    """The suite makes a new key for it, and a token of one client is worth nothing to another."""
    found = await party.tokens()
    asked = {"grant_type": "refresh_token", "refresh_token": found["refresh_token"]}
    foreign = await other.realm.post("/token", other.signed() | asked, other.proof.proof())
    assert foreign.refusal == (400, "invalid_grant")
    old, party.proof = party.proof, ClientKey()
    renewed = (await party.realm.post("/token", party.signed() | asked, party.proof.proof())).json
    assert (await party.info(renewed["access_token"])).status == 200
    party.proof = old
    assert (await party.info(found["access_token"])).status == 401


async def test_fapi2_par_attempt_reuse_request_uri(party: Party) -> None:
    """Before the user has answered it may be visited again, afterwards not."""
    uri = (await party.push()).json["request_uri"]
    asked = {"client_id": FIRST, "request_uri": uri}
    for _ in range(2):
        assert (await party.realm.get("/authorize", asked)).status == 303
    assert "code" in (await party.visit(uri)).redirected
    late = await party.realm.get("/authorize", asked)
    assert late.refusal == (400, "invalid_request_uri")


async def test_fapi2_par_attempt_to_use_expired_request_uri(party: Party, clock: VirtualClock) -> None:
    uri = (await party.push()).json["request_uri"]
    clock.advance(90)
    late = await party.realm.get("/authorize", {"client_id": FIRST, "request_uri": uri})
    assert late.refusal == (400, "invalid_request_uri")


async def test_fapi2_par_attempt_to_use_request_uri_for_different_client(party: Party, other: Party) -> None:
    uri = (await party.push()).json["request_uri"]
    foreign = await other.realm.get("/authorize", {"client_id": SECOND, "request_uri": uri})
    assert foreign.refusal == (400, "invalid_request_uri")


async def test_fapi2_par_pushed_authorization_url_as_audience_and_request_uri_inside_fail(
    party: Party,
) -> None:
    uri = (await party.push()).json["request_uri"]
    assert (await party.push(request_uri=uri)).refusal == (400, "invalid_request")
    got = await party.realm.get("/par", party.signed())
    assert (got.status, got.headers["Allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize(
    "over",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        {"code_challenge_method": None},
    ],
    ids=str,
)
async def test_fapi2_par_ensure_pkce_required_and_plain_pkce_rejected(party: Party, over: Json) -> None:
    assert (await party.push(**over)).refusal == (400, "invalid_request")


@pytest.mark.parametrize("verifier", [None, "x" * 43])
async def test_fapi2_par_ensure_pkce_code_verifier_required_and_incorrect_rejected(
    party: Party, verifier: str | None
) -> None:
    refused = await party.redeem(await party.code(), code_verifier=verifier)
    assert refused.refusal == (400, "invalid_grant")
