"""Three platforms that nothing but a file describes, as an operator would write it, against the generic sandbox."""

import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from lingpai.core.records import RIGHTS
from lingpai.keeper.budgets import window_of
from lingpai.keeper.failures import FetchFailed
from lingpai.keeper.fetching import fetch_token
from lingpai.keeper.platforms.platform import Period
from tests.keeper.declared import LIFE, Described, described

TOKEN = "/api/oauth2/access_token"
BASIC = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[Described]:
    async with described(tmp_path, "plain") as made:
        yield made


@pytest.fixture
async def twostep(tmp_path: Path) -> AsyncIterator[Described]:
    async with described(tmp_path, "twostep") as made:
        yield made


@pytest.fixture
async def faceid(tmp_path: Path) -> AsyncIterator[Described]:
    async with described(tmp_path, "faceid") as made:
        yield made


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("plain", ["/oauth2/token"]),
        ("twostep", ["/session/login", "/session/open"]),
        ("faceid", [TOKEN]),
    ],
)
async def test_a_token_is_fetched_once_and_renewed_ahead_of_its_end(
    tmp_path: Path, name: str, paths: list[str]
) -> None:
    async with described(tmp_path, name) as made:
        first = await made.held()
        assert 0 < first["expires_in"] <= LIFE
        assert (await made.held())["value"] == first["value"]
        for path in paths:
            assert await made.harness.upstream.calls(path) == 1
        await made.harness.pass_time(LIFE - 60, step=60)
        later = await made.held()
        assert later["expires_in"] > 60  # which the first would have now
        prolonged = name == "twostep"
        assert (later["value"] == first["value"]) == prolonged
        assert (later["version"] == first["version"]) == prolonged


async def test_a_wrong_secret_opens_the_breaker_with_the_platforms_own_number(plain: Described) -> None:
    body = "grant_type=client_credentials&client_id=plain-2&client_secret=wrong"
    answer = await plain.harness.post("/oauth2/token", body=body)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_client"
    assert "refused" in answer.json["error_description"]
    again = await plain.harness.post("/oauth2/token", body=body)
    assert again.json["error"] == "invalid_client"
    assert await plain.harness.upstream.calls("/oauth2/token") == 1


async def test_the_drop_in_route_answers_as_the_platform(plain: Described, tmp_path: Path) -> None:
    key = await plain.harness.add_caller("shop")
    for secret in (plain.secret, key):
        body = f"grant_type=client_credentials&client_id=plain-1&client_secret={secret}"
        answer = (await plain.harness.post("/oauth2/token", body=body)).json
        assert sorted(answer) == ["access_token", "expires_in"]
    odd = await plain.harness.post(
        "/oauth2/token", body=f"{body}&grant_type=password".replace("client_credentials&", "x&", 1)
    )
    assert odd.status_code == 400
    missing = await plain.harness.post(
        "/oauth2/token", body="grant_type=client_credentials&client_id=plain-1"
    )
    assert missing.json["error"] == "invalid_client"


async def test_forwarded_calls_carry_the_token_in_its_header(plain: Described) -> None:
    harness = plain.harness
    key = await harness.add_caller("forwarder", rights=("forward",))
    path = f"/v1/forward/plain/{plain.account}/api/v3/things"
    assert (await harness.get(path, bearer=key)).json == {}
    ghost = await harness.add_caller("ghost", rights=(*RIGHTS, "forward"), hand_out="phantom")
    body = f"grant_type=client_credentials&client_id=plain-1&client_secret={ghost}"
    phantom = (await harness.post("/oauth2/token", body=body)).json["access_token"]
    assert (await harness.get("/api/v3/things", bearer=phantom)).json == {}
    refused = await harness.get(f"/v1/forward/plain/{plain.account}/oauth2/token", bearer=key)
    assert (refused.status_code, refused.json["error"]) == (403, "not_allowed")
    real = (await plain.held())["value"]
    await harness.upstream.kill(real)
    assert (await harness.get("/api/v3/things", bearer=phantom)).json == {}  # made again with the next token
    assert (await plain.held())["value"] != real


async def test_several_secrets_and_a_login_before_the_token(twostep: Described) -> None:
    held = await twostep.held()
    assert 0 < held["expires_in"] <= LIFE
    assert await twostep.harness.upstream.calls("/session/login") == 1
    await twostep.harness.upstream.kill(held["value"])
    twostep.harness.clock.advance(31)
    answer = (await twostep.harness.post("/keeper/report", {"access_token": held["value"]})).json
    assert answer["data"] == {"outcome": "renewed"}
    assert await twostep.harness.upstream.calls("/session/login") == 2
    assert (await twostep.held())["value"] != held["value"]


async def test_calls_are_kept_apart(twostep: Described) -> None:
    held = await twostep.held()
    await twostep.harness.upstream.kill(held["value"])
    answer = (await twostep.harness.post("/keeper/report", {"access_token": held["value"]})).json
    assert answer["data"] == {"outcome": "unverified"}  # ten seconds have not passed
    assert await twostep.harness.upstream.calls("/session/open") == 1


async def test_a_ticket_and_the_signature_of_a_recipe_of_its_own(faceid: Described) -> None:
    harness = faceid.harness
    signed = (
        await harness.post(f"/v1/signatures/faceid/{faceid.account}", {"url": "https://a.example/#x"})
    ).json
    ticket = (await faceid.held(kind="sign_ticket"))["value"]
    text = f"{signed['noncestr']}{ticket}{signed['timestamp']}https://a.example/"
    assert signed["signature"] == hashlib.sha256(text.encode()).hexdigest()
    token = (await faceid.held())["value"]
    fields = {"app_id": faceid.account, "type": "SIGN", "version": "1.0.0", "access_token": token}
    answer = (await harness.get("/api/oauth2/api_ticket", **fields)).json
    assert answer["code"] == 0
    assert answer["tickets"]["value"] == ticket
    assert 0 < answer["tickets"]["expire_in"] <= LIFE
    dead = (await harness.get("/api/oauth2/api_ticket", **{**fields, "access_token": "x"})).json
    assert dead["code"] == 400101


async def test_a_killed_predecessor_lives_for_the_overlap_alone(faceid: Described) -> None:
    first = await faceid.held()
    while (held := await faceid.held())["version"] == first["version"]:
        await faceid.harness.pass_time(5, step=5)
    assert held["previous"]["value"] == first["value"]
    assert 0 < held["previous"]["expires_in"] <= 60
    assert await faceid.harness.upstream.lives(first["value"])
    faceid.harness.clock.advance(61)
    assert (await faceid.held())["previous"] is None
    assert not await faceid.harness.upstream.lives(first["value"])


async def test_errors_on_demand_are_worded_as_the_platform_words_them(faceid: Described) -> None:
    await faceid.harness.upstream.fault(TOKEN, "errcode:400502")
    answer = await faceid.harness.get(f"/v1/tokens/faceid/{faceid.account}")
    assert (answer.json["error"], answer.json["code"]) == ("upstream_refused", 400502)
    drop_in = {"app_id": faceid.account, "secret": faceid.secret, "grant_type": "client_credential"}
    refused = (await faceid.harness.get(TOKEN, **drop_in, version="1.0.0")).json
    assert (refused["code"], "fault of the sandbox" in refused["msg"]) == (400502, True)


async def test_declared_budgets_are_kept_and_the_sandbox_has_them_too(plain: Described) -> None:
    app, keeper = plain.app(), plain.harness.keeper
    for _ in range(60):
        await fetch_token(keeper, app)
    with pytest.raises(FetchFailed, match="budget of 60 token calls per hour"):
        await fetch_token(keeper, app)
    assert await plain.harness.upstream.calls("/oauth2/token") == 60
    fields = {"grant_type": "client_credentials", "client_id": "plain-1", "client_secret": plain.secret}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{plain.harness.upstream.url}/oauth2/token", data=fields) as answer,
    ):
        assert (await answer.json())["error"] == "temporarily_unavailable"
    plain.harness.clock.advance(3600)
    assert (await fetch_token(keeper, app)).value


def test_a_budget_of_a_month_lasts_for_the_calendars_month() -> None:
    begin = dt.datetime(2027, 1, 31, 12, tzinfo=dt.timezone(dt.timedelta(hours=8))).timestamp()
    month = float(Period.MONTH.value)
    name, ends_at = window_of(begin, month)
    assert name == "month:2027-01"
    assert dt.datetime.fromtimestamp(ends_at, dt.UTC).isoformat() == "2027-01-31T16:00:00+00:00"
    assert window_of(ends_at, month)[0] == "month:2027-02"
    assert window_of(ends_at + 27.9 * 86400, month)[0] == "month:2027-02"
    assert window_of(ends_at + 28.1 * 86400, month)[0] == "month:2027-03"
