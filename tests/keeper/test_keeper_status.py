"""Shapes that know every error, readiness of the node, health of accounts, gauges without secrets."""

from types import SimpleNamespace

import pytest

from lingpai.core.errors import EDGE_KINDS, KEEPER_KINDS, Kind, LingpaiError
from lingpai.core.wire import Shape
from lingpai.keeper.platforms.registry import platform_types
from lingpai.keeper.routes import shapes
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP, SAMPLE_MINI
from tests.keeper.harness import APP, HELD, OUTSIDE, STABLE, XCX, Harness

ALL_SHAPES = {
    "compatible": shapes.COMPATIBLE,
    "compatible_json": shapes.COMPATIBLE_JSON,
    "compatible_session": shapes.COMPATIBLE_SESSION,
    **{each.name: each.shape for each in platform_types().values() if each.shape is not None},
    "generic": shapes.GENERIC,
}
TRACE = "6d576ef0-30c5-11ec-a5ac-c73202f0bdf3"


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind in EDGE_KINDS | KEEPER_KINDS])
@pytest.mark.parametrize("shape", ALL_SHAPES.values(), ids=ALL_SHAPES)
def test_every_shape_has_an_answer_for_every_error(shape: Shape, kind: Kind) -> None:
    error = LingpaiError(kind, "the reason", parameter="appid", code=40013, retry_after=2, allow=("GET",))
    reply = shape.error(error, TRACE)
    assert reply.status == 200 or reply.status >= 400
    assert ("cache-control", "no-store") in reply.headers
    assert reply.body


def test_the_documented_example_byte_for_byte() -> None:
    error = LingpaiError(Kind.MISSING_PARAMETER, "parameter corpid is missing", parameter="corpid")
    assert shapes.COMPATIBLE.error(error, TRACE).body == (
        '{"code":1,"msg":"缺少corpid参数","data":{},"trace_id":"6d576ef0-30c5-11ec-a5ac-c73202f0bdf3"}'.encode()
    )


def test_slashes_are_not_escaped() -> None:
    body = shapes.COMPATIBLE.success({"url": "https://a/b"}, TRACE).body
    assert b'"https://a/b"' in body


async def reasons_of(harness: Harness, peer: str = "127.0.0.1", bearer: str = "") -> dict[str, str]:
    answer = await harness.get("/health/accounts", peer=peer, bearer=bearer)
    assert answer.status_code == 200
    health = answer.json
    assert health["healthy"] is not bool(health["reasons"])
    return {reason["what"]: reason["problem"] for reason in health["reasons"]}


async def test_accounts_health_says_what_is_missing(own: Harness) -> None:
    app, corp = f"wechat/{SAMPLE_APP.appid}", f"wecom/{SAMPLE_CORP.corpid}"
    unfetched = "no token has been fetched yet"
    assert await reasons_of(own) == dict.fromkeys((app, f"{corp}/agent", f"{corp}/contacts"), unfetched)
    await own.pass_time(1)
    assert await reasons_of(own) == {}
    await own.upstream.fault(STABLE, "errcode:-1", 1000)
    await own.pass_time(7000, step=100)
    assert await reasons_of(own) == {}  # what lives is enough while it may pass by itself
    await own.pass_time(400, step=100)
    assert await reasons_of(own) == {app: "fault of the sandbox"}
    assert (await own.get("/health/live")).json == {"live": True}


async def test_accounts_health_shows_what_needs_a_human_while_there_is_time(own: Harness) -> None:
    await own.token()
    await own.get(HELD, kind="jsapi_ticket")
    await own.upstream.fault(STABLE, "errcode:40125", 1000)
    await own.fall_due()
    await own.pass_time(1)
    reasons = {each["what"]: each for each in (await own.get("/health/accounts")).json["reasons"]}
    ours = reasons[f"wechat/{SAMPLE_APP.appid}"]
    assert ours["code"] == 40125
    assert 0 < ours["expires_in"] <= 300


async def test_accounts_health_is_shown_to_those_whom_it_concerns(own: Harness) -> None:
    app = f"wechat/{SAMPLE_APP.appid}"
    stranger = await own.get("/health/accounts", peer=OUTSIDE)
    assert stranger.status_code >= 400
    assert SAMPLE_APP.appid not in stranger.text
    key = await own.add_caller(apps=(app,))
    assert (await reasons_of(own, peer=OUTSIDE, bearer=key)).keys() == {app}


async def test_an_account_in_trouble_takes_no_node_out_of_service(own: Harness) -> None:
    await own.upstream.fault(STABLE, "errcode:40125", 1000)
    await own.get(XCX, **APP)
    for peer in ("127.0.0.1", OUTSIDE):
        answer = await own.get("/health/ready", peer=peer)
        assert (answer.status_code, answer.json) == (200, {"ready": True, "reasons": []})


@pytest.mark.parametrize(("peer", "detailed"), [("127.0.0.1", True), (OUTSIDE, False)])
async def test_not_ready_without_a_store_and_says_why(own: Harness, peer: str, *, detailed: bool) -> None:
    await own.keeper.store.close()
    answer = await own.get("/health/ready", peer=peer)
    assert answer.status_code == 503
    (reason,) = answer.json["reasons"]
    assert reason["what"] == "store"
    assert reason["problem"].startswith("The store is not available")
    assert ("(" in reason["problem"]) is detailed


@pytest.mark.parametrize(("free", "status"), [(0.001, 503), (0.5, 200)])
async def test_a_disk_that_is_all_but_full_is_not_ready(
    own: Harness, monkeypatch: pytest.MonkeyPatch, free: float, status: int
) -> None:
    """A probe may fit into pages that the store has, and the next renewal need not."""
    blocks = 100_000
    disk = SimpleNamespace(f_bavail=int(blocks * free), f_blocks=blocks, f_frsize=4096)
    monkeypatch.setattr("lingpai.store.sqlite.space.os.statvfs", lambda _: disk)
    answer = await own.get("/health/ready")
    assert answer.status_code == status
    assert ("free on the disk" in answer.text) is (status == 503)


async def test_an_expired_token_without_trouble_is_named_as_such(own: Harness) -> None:
    await own.pass_time(1)
    own.clock.advance(7200)
    assert (await reasons_of(own))[f"wechat/{SAMPLE_APP.appid}"] == "the token has expired"


async def gauges_of(harness: Harness) -> dict[str, float]:
    text = (await harness.get("/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


async def test_gauges_of_a_held_token(own: Harness) -> None:
    await own.token()
    own.clock.advance(100)
    labels = f'{{account="{SAMPLE_APP.appid}",kind="access_token",label="",platform="wechat"}}'
    found = await gauges_of(own)
    assert found[f"lingpai_held_remaining_seconds{labels}"] == 7100
    assert found[f"lingpai_held_age_seconds{labels}"] == 100
    assert found[f"lingpai_breaker_open{labels}"] == 0
    assert found[f"lingpai_renewal_failures{labels}"] == 0
    budget = f'{{budget="stable",subject="wechat/{SAMPLE_APP.appid}"}}'
    assert found[f"lingpai_budget_used{budget}"] == 1
    assert found[f"lingpai_budget_limit{budget}"] == 100_000


async def test_gauges_of_a_trouble(own: Harness) -> None:
    await own.upstream.fault(STABLE, "errcode:40125")
    await own.get(XCX, **APP)
    labels = f'{{account="{SAMPLE_APP.appid}",kind="access_token",label="",platform="wechat"}}'
    found = await gauges_of(own)
    assert found[f"lingpai_breaker_open{labels}"] == 1
    assert found[f"lingpai_renewal_failures{labels}"] == 1
    assert f"lingpai_held_remaining_seconds{labels}" not in found


async def test_gauges_show_no_secret_and_no_invented_names(own: Harness) -> None:
    token = await own.token()
    await own.get(HELD, kind="jsapi_ticket")
    await own.get(XCX, appid="wx-invented", secret="guess-of-somebody")
    await own.get(XCX, appid=SAMPLE_MINI.appid, secret=SAMPLE_MINI.secret)
    ticket = (await own.held("jsapi_ticket")).current
    assert ticket is not None
    text = (await own.get("/metrics")).text
    assert SAMPLE_MINI.appid in text  # not configured, but real
    for hidden in (token, ticket.value, SAMPLE_APP.secret, "guess-of-somebody"):
        assert hidden not in text
    assert 'budget="unproven"' not in text
    assert 'lingpai_breaker_open{account="wx-invented"' not in text
