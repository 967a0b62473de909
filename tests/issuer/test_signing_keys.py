"""A realm's signing keys through their life, on two nodes that share a store."""

import asyncio
import hashlib
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from lingpai.core import base64url
from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer import jose
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import DAY, HOUR, Policy
from lingpai.issuer.signing_keys import FORGOTTEN, KEPT, LOOK_SECONDS, PUBLISHED, SOON, TURNED, SigningKeys
from lingpai.store.issuer_port import IssuerStore

CLAIMS = {"sub": "someone", "exp": 5}


@pytest.fixture
async def other(policy: Policy, store: IssuerStore, ring: KeyRing, clock: VirtualClock) -> SigningKeys:
    return SigningKeys(await Issuer.open("yzb", policy, store, ring, clock))


@pytest.fixture
def keys(issuer: Issuer) -> SigningKeys:
    return SigningKeys(issuer)


def published(document: bytes) -> dict[str, dict[str, Any]]:
    return {each["kid"]: each for each in json.loads(document)["keys"]}


def number(text: str) -> int:
    return int.from_bytes(base64url.decode(text))


def verify(token: str, jwk: dict[str, Any]) -> dict[str, Any]:
    """Check a token by its published key, as a client does with its own means."""
    signed, _, last = token.rpartition(".")
    signature = base64url.decode(last)
    if jwk["alg"] == "RS256":
        rsa_key = rsa.RSAPublicNumbers(number(jwk["e"]), number(jwk["n"])).public_key()
        rsa_key.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        point = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1())
        der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        point.public_key().verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    head, claims = (json.loads(base64url.decode(part)) for part in signed.split("."))
    assert head == {"alg": jwk["alg"], "typ": "JWT", "kid": jwk["kid"]}
    found: dict[str, Any] = claims
    return found


@pytest.mark.parametrize("alg", jose.ALGORITHMS)
async def test_what_is_signed_can_be_checked_with_what_is_published(
    keys: SigningKeys, issuer: Issuer, alg: str
) -> None:
    found = await keys.current()
    signer = found.signer(alg, issuer.now())
    jwk = published(found.document(issuer.now()))[signer.kid]
    assert verify(signer.sign(CLAIMS), jwk) == CLAIMS
    with pytest.raises(InvalidSignature):
        verify(signer.sign(CLAIMS)[:-8] + "AAAAAAAA", jwk)
    assert (jwk["use"], "d" in jwk, "p" in jwk) == ("sig", False, False)
    members = ("crv", "kty", "x", "y") if alg == "ES256" else ("e", "kty", "n")
    canonical = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"))
    assert jwk["kid"] == base64url.encode(hashlib.sha256(canonical.encode()).digest())  # RFC 7638


async def test_nodes_that_begin_at_once_have_the_same_keys(keys: SigningKeys, other: SigningKeys) -> None:
    first, second = await asyncio.gather(keys.current(), other.current())
    assert first.keys == second.keys
    assert [key.alg for key in first.keys] == sorted(jose.ALGORITHMS)
    assert await keys.current() is first  # kept for a while


@pytest.mark.threat("L117")
async def test_l117_all_nodes_switch_at_the_same_second(
    keys: SigningKeys, other: SigningKeys, issuer: Issuer, clock: VirtualClock
) -> None:
    before = (await keys.current()).signer("ES256", issuer.now()).kid
    await other.current()
    await keys.rotate()
    await keys.rotate()  # one waits already
    clock.advance(LOOK_SECONDS)
    sets = [await keys.current(), await other.current()]
    switch = issuer.now() + PUBLISHED - int(LOOK_SECONDS)
    assert {found.signer("ES256", switch - 1).kid for found in sets} == {before}
    (after,) = {found.signer("ES256", switch).kid for found in sets}
    assert after != before
    for found in sets:
        assert {before, after} <= published(found.document(issuer.now())).keys()
        assert {before, after} <= published(found.document(switch + KEPT - 1)).keys()
        assert before not in published(found.document(switch + KEPT))
        assert [harness.state for harness in found.stages(switch + KEPT) if harness.key.alg == "ES256"] == [
            "gone",
            "signs",
        ]


async def test_an_operator_may_want_it_soon(keys: SigningKeys, issuer: Issuer) -> None:
    before = (await keys.current()).signer("RS256", issuer.now()).kid
    found = await keys.rotate(SOON)
    assert found.signer("RS256", issuer.now() + SOON - 1).kid == before
    assert found.signer("RS256", issuer.now() + SOON).kid != before
    assert SOON > LOOK_SECONDS  # every node has seen it by then


async def test_keys_turn_by_themselves_and_are_forgotten(
    keys: SigningKeys, issuer: Issuer, clock: VirtualClock
) -> None:
    first = await keys.current()
    oldest = first.signer("ES256", issuer.now())
    token = oldest.sign(CLAIMS)
    clock.advance(TURNED - PUBLISHED - 1)
    assert len((await keys.current()).keys) == 2
    clock.advance(1 + LOOK_SECONDS)
    found = await keys.current()
    assert len(found.keys) == 4
    assert found.signer("ES256", issuer.now()).kid == oldest.kid
    clock.advance(PUBLISHED)
    found = await keys.current()
    assert found.signer("ES256", issuer.now()).kid != oldest.kid
    for _ in range(FORGOTTEN // TURNED):
        assert jose.read_own(token, (await keys.current()).signers) == CLAIMS  # a hint, long after its end
        clock.advance(TURNED)
    for _ in range(3):
        clock.advance(TURNED)
        await keys.current()
    assert jose.read_own(token, (await keys.current()).signers) is None


FORGED = {
    "none": {"alg": "none"},
    "hs256": {"alg": "HS256"},
    "another": {"alg": "RS256"},
    "critical": {"crit": ["exp"]},
    "path": {"kid": "../../etc/passwd"},
    "sql": {"kid": "' OR 1=1 --"},
    "long": {"kid": "x" * 10_000},
    "list": {"kid": ["a"]},
    "null": {"kid": None},
}


@pytest.mark.threat("L99", "L100", "F66")
@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
async def test_l99_l100_a_token_with_another_head_is_not_ours(
    keys: SigningKeys, issuer: Issuer, change: dict[str, Any]
) -> None:
    found = await keys.current()
    signer = found.signer("ES256", issuer.now())
    head, claims, signature = signer.sign(CLAIMS).split(".")
    assert jose.read_own(f"{head}.{claims}.{signature}", found.signers) == CLAIMS
    forged = base64url.encode(json.dumps(json.loads(base64url.decode(head)) | change).encode())
    assert jose.read_own(f"{forged}.{claims}.{signature}", found.signers) is None
    assert jose.read_own(f"{forged}.{claims}.", found.signers) is None


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "e30.e30.e30", "\0.\0.\0", "令.牌.x", "e30=.e30.AA"]
)
async def test_any_text_is_no_token_of_ours(keys: SigningKeys, text: str) -> None:
    assert jose.read_own(text, (await keys.current()).signers) is None


def test_a_key_outlives_every_token_that_it_signs() -> None:
    assert HOUR < KEPT < PUBLISHED < TURNED
    assert TURNED < FORGOTTEN
    assert PUBLISHED == DAY
