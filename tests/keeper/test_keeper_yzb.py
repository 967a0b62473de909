"""The platform yzb, tested against our own issuer (yzb.md "The central refresher")."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.issuer import admin
from lingpai.issuer.dialects.yzb.signing import signature_of as issuers_signature
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.keeper.fetching import is_dead
from lingpai.keeper.platforms.forms import without_query as pure_url
from lingpai.keeper.platforms.yzb import yzb
from lingpai.keeper.signing import signature_of
from lingpai.service import demand_addresses, open_keeper
from lingpai.settings import SettingsError, load_settings
from tests.keeper.issued import SECRET, YZB, Issued, issued

PAGE = "https://yuanzhibang.com/a/b/?x=1&v=x#12"


@pytest.fixture
async def yzb_stage(tmp_path: Path) -> AsyncIterator[Issued]:
    async with issued(tmp_path) as made:
        yield made


def test_the_published_signature() -> None:
    recipe = yzb().recipe
    signature = signature_of("a4dcdk", "1234", 1654850924, PAGE, recipe)
    assert signature == "a8cb02e00c2759372954bf5516d110066b911aa4"


@pytest.mark.parametrize(
    ("url", "pure"),
    [
        (PAGE, "https://yuanzhibang.com/a/b"),
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("https://a.example//", "https://a.example/"),
        ("http://a.example:8080/x/#/y?z", "http://a.example:8080/x"),
        ("http://a.example:80/x?", "http://a.example:80/x"),
        ("https://a.example/x/?u=http://b.example/", "https://a.example/x"),
    ],
)
def test_pure_urls(url: str, pure: str) -> None:
    assert pure_url(url) == pure


async def test_both_are_held_for_all_who_ask(yzb_stage: Issued) -> None:
    await yzb_stage.add()
    answers = await asyncio.gather(*(yzb_stage.held(YZB) for _ in range(20)))
    assert len({each["value"] for each in answers}) == 1
    assert answers[0]["expires_in"] == 7200
    tickets = await asyncio.gather(*(yzb_stage.held(YZB, "js_ticket") for _ in range(20)))
    assert {each["version"] for each in tickets} == {1}
    assert await yzb_stage.takes(answers[0]["value"])
    assert await yzb_stage.takes(tickets[0]["value"], "js_ticket")


@pytest.mark.parametrize("kind", ["access_token", "js_ticket"])
async def test_renewed_when_600_s_or_less_remain(yzb_stage: Issued, kind: str) -> None:
    await yzb_stage.add()
    first = await yzb_stage.held(YZB, kind)
    await yzb_stage.pass_time(6599, 60)
    assert (await yzb_stage.held(YZB, kind))["value"] == first["value"]
    await yzb_stage.pass_time(61 + 60, 10)
    second = await yzb_stage.held(YZB, kind)
    assert second["version"] == 2
    assert second["expires_in"] > 7000
    before = second["previous"]
    assert before["value"] == first["value"]
    assert 400 < before["expires_in"] <= 600
    assert await yzb_stage.takes(first["value"], kind)  # what we tell of it is true
    yzb_stage.clock.advance(before["expires_in"] + 2)
    assert not await yzb_stage.takes(first["value"], kind)
    assert (await yzb_stage.held(YZB, kind))["previous"] is None


async def test_a_value_before_its_time_leaves_600_s(yzb_stage: Issued) -> None:
    """The previous one keeps min(rest, 600 s), and not the 300 s of WeChat."""
    app = await yzb_stage.add()
    first = await yzb_stage.held(YZB)
    yzb_stage.clock.advance(100)
    await yzb_stage.keeper.store.mark_suspect(app.key("access_token"), 1)
    second = await yzb_stage.held(YZB)
    assert second["previous"] == {"value": first["value"], "expires_in": 600, "version": 1}
    yzb_stage.clock.advance(599)
    assert await yzb_stage.takes(first["value"])
    yzb_stage.clock.advance(2)
    assert not await yzb_stage.takes(first["value"])


@pytest.mark.parametrize("kind", ["access_token", "js_ticket"])
async def test_check_code_is_the_probe(yzb_stage: Issued, kind: str) -> None:
    app = await yzb_stage.add()
    value = (await yzb_stage.held(YZB, kind))["value"]
    keeper = yzb_stage.keeper
    assert await is_dead(keeper, app, value, kind) is False
    assert await is_dead(keeper, app, "0" * 64, kind) is True
    assert await yzb_stage.report(value) == "alive"
    other = await _fetch_elsewhere(yzb_stage, kind)
    yzb_stage.clock.advance(601)
    assert await is_dead(keeper, app, value, kind) is True
    assert await yzb_stage.report(value) == "renewed"
    renewed = await yzb_stage.held(YZB, kind)
    assert renewed["value"] not in (value, other)
    assert renewed["previous"] is None


async def _fetch_elsewhere(harness: Issued, kind: str) -> str:
    """Somebody beside the keeper fetches, which is what it exists to prevent."""
    form = {"app_id": YZB, "secret": SECRET, "grant_type": "client_credential"}
    path = "/OAuth2/token"
    if kind == "js_ticket":
        path, form = (
            "/OAuth2/ticket",
            {"app_id": YZB, "access_token": (await harness.held(YZB))["value"], "type": kind},
        )
    async with harness.http.post(harness.url + path, data=form) as answer:
        data = (await answer.json())["data"]
    return str(data.get("ticket") or data["access_token"])


async def test_a_ticket_call_that_finds_the_token_dead_renews_it(yzb_stage: Issued) -> None:
    await yzb_stage.add()
    first = await yzb_stage.held(YZB)
    await _fetch_elsewhere(yzb_stage, "access_token")
    yzb_stage.clock.advance(601)
    ticket = await yzb_stage.held(YZB, "js_ticket")
    assert await yzb_stage.takes(ticket["value"], "js_ticket")
    assert (await yzb_stage.held(YZB))["value"] != first["value"]


async def test_pages_are_signed_by_the_platforms_recipe(yzb_stage: Issued) -> None:
    await yzb_stage.add()
    signed = await yzb_stage.post(f"/v1/signatures/yzb/{YZB}", {"url": PAGE})
    ticket = (await yzb_stage.held(YZB, "js_ticket"))["value"]
    expected = issuers_signature(ticket, signed["noncestr"], str(signed["timestamp"]), PAGE)
    assert signed["signature"] == expected


async def test_a_wrong_secret_opens_the_breaker_with_the_platforms_words(yzb_stage: Issued) -> None:
    await yzb_stage.add(secret="f" * 40)
    refused = await yzb_stage.held(YZB)
    assert refused["error"] == "upstream_refused"
    assert refused["code"] == 4000
    app = await yzb_stage.add(secret=SECRET)
    assert (await yzb_stage.held(YZB))["version"] == 1
    assert (await yzb_stage.credential(app)).trouble is None


async def test_other_kinds_are_named(yzb_stage: Issued) -> None:
    await yzb_stage.add()
    refused = await yzb_stage.held(YZB, "terminal:1")
    assert refused["error"] == "invalid_parameter"
    assert "access_token, js_ticket." in refused["message"]


async def test_a_platform_without_address_says_what_to_set(tmp_path: Path) -> None:
    async with issued(tmp_path, yzb={}) as harness:
        await demand_addresses(harness.keeper)
        await harness.add()
        refused = await harness.held(YZB)
        assert refused["error"] == "upstream_unavailable"
        assert "LINGPAI_YZB__BASE_URL" in refused["message"]
        with pytest.raises(SettingsError, match="LINGPAI_YZB__BASE_URL"):
            await demand_addresses(harness.keeper)


async def test_accounts_of_addressed_platforms_are_served(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "data", yzb={"base_url": "http://127.0.0.1:1"})
    async with open_keeper(settings) as keeper:
        assert keeper.platforms["yzb"].base_url == "http://127.0.0.1:1"
        await demand_addresses(keeper)


async def test_a_login_code_is_exchanged(yzb_stage: Issued) -> None:
    await yzb_stage.add()
    issuer = yzb_stage.issuers["yzb"]
    app = await issuer.store.find_app("yzb", YZB)
    assert app is not None
    user = await admin.add_user(issuer, "hong", "correct horse")
    code = (await issue_code(issuer, app, user, Asked())).code
    sent = {"kind": "oauth", "code": code}
    brought = await yzb_stage.post(f"/v1/exchanges/yzb/{YZB}", sent)
    assert list(brought) == ["open_id", "access_token", "expires_in", "refresh_token", "scope"]
    assert (
        await yzb_stage.post(f"/v1/exchanges/yzb/{YZB}", sent) == brought
    )  # an answer may be lost on its way
    refused = await yzb_stage.post(f"/v1/exchanges/yzb/{YZB}", {**sent, "code": "0" * 64})
    assert (refused["error"], refused["code"]) == ("upstream_refused", 4102)
