"""An app's own tokens over one grant, whose row each node remembers."""

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.core.issuer_records import App
from lingpai.core.keyring import KeyRing
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import Policy
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.check import resolve_app_token
from lingpai.issuer.verbs.end import end_app
from lingpai.issuer.verbs.standing import STANDING, issue_standing_token
from lingpai.store.issuer_port import IssuerStore
from tests.issuer.harness import Harness, raises


@pytest.fixture
async def other(policy: Policy, store: IssuerStore, ring: KeyRing, clock: VirtualClock) -> Issuer:
    """Another node of the realm."""
    return await Issuer.open("yzb", policy, store, ring, clock)


async def issued(issuer: Issuer, harness: Harness, words: str | None = None, jkt: str = "") -> Tokens:
    return await issue_standing_token(issuer, harness.app, words, jkt=jkt)


async def test_all_nodes_issue_over_one_grant(harness: Harness, other: Issuer, clock: VirtualClock) -> None:
    rows = set()
    for issuer in (harness.issuer, other, harness.issuer, other):
        clock.advance(1)
        tokens = await issued(issuer, harness)
        rows.add(tokens.grant.id)
        assert (await resolve_app_token(harness.issuer, tokens.access_token)).grant.id == tokens.grant.id
    assert len(rows) == 1


async def test_other_words_on_one_node_count_on_the_other_at_once(harness: Harness, other: Issuer) -> None:
    first, again = [await issued(harness.issuer, harness, "a") for _ in range(2)]
    assert first.grant.id == again.grant.id
    wider = await issued(other, harness, "a b")
    found = await issued(harness.issuer, harness, "a b")
    assert wider.grant.id == found.grant.id != first.grant.id
    assert found.scope == "a b"


async def test_a_grant_that_was_ended_is_replaced(harness: Harness, other: Issuer) -> None:
    for _ in range(2):
        ended = await issued(harness.issuer, harness)
    await end_app(other, harness.app)
    assert (await issued(harness.issuer, harness)).grant.id != ended.grant.id
    with raises(Kind.INVALID_APP_TOKEN):
        await resolve_app_token(harness.issuer, ended.access_token)


async def test_a_grant_near_its_end_is_replaced(harness: Harness, clock: VirtualClock) -> None:
    for _ in range(2):
        old = await issued(harness.issuer, harness)
    life = old.expires_in
    clock.advance(STANDING - life)
    new = await issued(harness.issuer, harness)
    assert (new.expires_in, new.grant.id != old.grant.id) == (life, True)


@pytest.mark.parametrize("jkt", ["", "a-thumbprint"])
async def test_a_row_that_is_another_grant_now_is_not_used(harness: Harness, jkt: str) -> None:
    """After a loss of commits its number is handed out again (`tests.issuer.losses`)."""
    issuer = harness.issuer
    mine = await issued(issuer, harness, jkt=jkt)
    stranger, _ = await admin.add_app(issuer, App(realm=issuer.realm, app_id="stranger"))
    foreign = await issue_standing_token(issuer, stranger, None)
    unlike = await issued(issuer, harness, jkt="another-thumbprint")
    for wrong in (foreign, unlike):
        issuer.standing = dict.fromkeys(issuer.standing, wrong.grant.id)
        assert (await issued(issuer, harness, jkt=jkt)).grant.id == mine.grant.id
