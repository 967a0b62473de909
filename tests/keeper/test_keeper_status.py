"""Shapes that know every error, readiness with reasons, gauges without secrets."""

import pytest

from lingpai.core.errors import EDGE_KINDS, KEEPER_KINDS, Kind, LingpaiError
from lingpai.core.wire import Shape
from lingpai.keeper.surfaces import shapes
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP, SAMPLE_MINI
from tests.keeper.stage import APP, HELD, OUTSIDE, STABLE, XCX, Stage

ALL_SHAPES = {
    "seed": shapes.SEED,
    "seed_json": shapes.SEED_JSON,
    "seed_session": shapes.SEED_SESSION,
    "wechat": shapes.WECHAT,
    "wecom": shapes.WECOM,
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


def test_the_seeds_example_byte_for_byte() -> None:
    error = LingpaiError(Kind.MISSING_PARAMETER, "parameter corpid is missing", parameter="corpid")
    assert shapes.SEED.error(error, TRACE).body == (
        '{"code":1,"msg":"缺少corpid参数","data":{},"trace_id":"6d576ef0-30c5-11ec-a5ac-c73202f0bdf3"}'.encode()
    )


def test_slashes_are_not_escaped() -> None:
    body = shapes.SEED.success({"url": "https://a/b"}, TRACE).body
    assert b'"https://a/b"' in body


async def reasons_of(stage: Stage, peer: str = "127.0.0.1") -> dict[str, str]:
    answer = await stage.get("/health/ready", peer=peer)
    ready = answer.json
    assert answer.status_code == (200 if ready["ready"] else 503)
    return {reason["what"]: reason["problem"] for reason in ready["reasons"]}


async def test_ready_says_what_is_missing(own: Stage) -> None:
    app, corp = f"wechat/{SAMPLE_APP.appid}", f"wecom/{SAMPLE_CORP.corpid}"
    unfetched = "no token has been fetched yet"
    assert await reasons_of(own) == dict.fromkeys((app, f"{corp}/agent", f"{corp}/contacts"), unfetched)
    await own.pass_time(1)
    assert await reasons_of(own) == {}
    await own.upstream.fault(STABLE, "errcode:40164", 1000)
    await own.pass_time(7000, step=100)
    assert await reasons_of(own) == {}  # what lives is enough
    await own.pass_time(400, step=100)
    assert await reasons_of(own) == {app: "fault of the sandbox"}
    assert (await own.get("/health/live")).json == {"live": True}


async def test_ready_tells_strangers_no_names(own: Stage) -> None:
    assert await reasons_of(own, peer=OUTSIDE) == {}
    assert (await own.get("/health/ready", peer=OUTSIDE)).status_code == 503


async def test_not_ready_without_a_store(own: Stage) -> None:
    await own.keeper.store.close()
    assert (await reasons_of(own)).keys() == {"store"}


async def test_an_expired_token_without_trouble_is_told_as_such(own: Stage) -> None:
    await own.pass_time(1)
    own.clock.advance(7200)
    assert (await reasons_of(own))[f"wechat/{SAMPLE_APP.appid}"] == "the token has expired"


async def gauges_of(stage: Stage) -> dict[str, float]:
    text = (await stage.get("/metrics")).text
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


async def test_gauges_of_a_held_token(own: Stage) -> None:
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


async def test_gauges_of_a_trouble(own: Stage) -> None:
    await own.upstream.fault(STABLE, "errcode:40125")
    await own.get(XCX, **APP)
    labels = f'{{account="{SAMPLE_APP.appid}",kind="access_token",label="",platform="wechat"}}'
    found = await gauges_of(own)
    assert found[f"lingpai_breaker_open{labels}"] == 1
    assert found[f"lingpai_renewal_failures{labels}"] == 1
    assert f"lingpai_held_remaining_seconds{labels}" not in found


async def test_gauges_show_no_secret_and_no_invented_names(own: Stage) -> None:
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
