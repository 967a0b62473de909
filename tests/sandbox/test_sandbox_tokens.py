import re

import pytest

from lingpai.sandbox import SAMPLE_APP, SandboxOptions
from tests.helpers.platforms import TO_CHINESE_MIDNIGHT, Platforms


def test_a_token_has_the_real_ones_shape_and_answer(platforms: Platforms) -> None:
    answer = platforms.classic()
    assert list(answer) == ["access_token", "expires_in"]
    assert answer["expires_in"] == 7200
    assert re.fullmatch(r"[A-Za-z0-9_-]{130,512}", answer["access_token"])


def test_the_classic_call_takes_a_post_too(platforms: Platforms) -> None:
    query = {"grant_type": "client_credential", "appid": SAMPLE_APP.appid, "secret": SAMPLE_APP.secret}
    assert "access_token" in platforms.raw("POST", "/cgi-bin/token", query=query).json
    assert "access_token" in platforms.raw("POST", "/cgi-bin/token", json=query).json


def test_a_classic_fetch_ends_the_previous_token_after_the_overlap(platforms: Platforms) -> None:
    first, second = platforms.classic()["access_token"], platforms.classic()["access_token"]
    assert first != second
    platforms.clock.advance(299)
    assert (platforms.probe(first), platforms.probe(second)) == (0, 0)
    platforms.clock.advance(1)
    assert (platforms.probe(first), platforms.probe(second)) == (40001, 0)


def test_at_most_two_classic_tokens_live(platforms: Platforms) -> None:
    tokens = [platforms.classic()["access_token"] for _ in range(3)]
    assert [platforms.probe(token) for token in tokens] == [40001, 0, 0]


def test_a_token_that_lived_its_life_is_expired_not_invalid(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    platforms.clock.advance(7199)
    assert platforms.probe(token) == 0
    platforms.clock.advance(1)
    assert platforms.probe(token) == 42001


def test_the_overlap_never_prolongs(platforms: Platforms) -> None:
    first = platforms.classic()["access_token"]
    platforms.clock.advance(7100)
    platforms.classic()
    platforms.clock.advance(100)
    assert platforms.probe(first) == 42001


def test_a_step_of_the_wall_clock_ends_nothing(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    platforms.clock.step(86400)
    assert platforms.probe(token) == 0


def test_stable_repeats_the_token_with_its_remaining_seconds(platforms: Platforms) -> None:
    first = platforms.stable()
    platforms.clock.advance(6855)
    again = platforms.stable()
    assert again == {"access_token": first["access_token"], "expires_in": 345}


def test_stable_renews_when_the_overlap_begins_and_both_live_to_its_end(platforms: Platforms) -> None:
    first = platforms.stable()["access_token"]
    platforms.clock.advance(6899)
    assert platforms.stable() == {"access_token": first, "expires_in": 301}
    platforms.clock.advance(1)
    second = platforms.stable()
    assert second["access_token"] != first
    assert second["expires_in"] == 7200
    platforms.clock.advance(299)
    assert platforms.probe(first) == 0
    platforms.clock.advance(1)
    assert (platforms.probe(first), platforms.probe(second["access_token"])) == (42001, 0)


def test_a_stable_token_of_a_short_life_never_says_0_seconds() -> None:
    platforms = Platforms(SandboxOptions(token_lifetime=6))
    first = platforms.stable()["access_token"]
    platforms.clock.advance(4.9)
    assert platforms.stable() == {"access_token": first, "expires_in": 1}
    platforms.clock.advance(0.2)
    second = platforms.stable()
    assert second["access_token"] != first
    assert second["expires_in"] == 6


def test_the_families_do_not_touch_each_other(platforms: Platforms) -> None:
    stable, classic = platforms.stable()["access_token"], platforms.classic()["access_token"]
    for _ in range(3):
        platforms.classic()
    assert platforms.probe(stable) == 0
    assert platforms.probe(classic) == 40001
    newest = platforms.classic()["access_token"]
    platforms.stable(force=True)
    platforms.clock.advance(31)
    platforms.stable(force=True)
    assert (platforms.probe(newest), platforms.probe(stable)) == (0, 40001)


def test_a_forced_refresh_leaves_one_generation_of_grace(platforms: Platforms) -> None:
    first = platforms.stable()["access_token"]
    second = platforms.stable(force=True)["access_token"]
    assert second != first
    assert platforms.probe(first) == 0
    platforms.clock.advance(30)
    third = platforms.stable(force=True)["access_token"]
    assert [platforms.probe(token) for token in (first, second, third)] == [40001, 0, 0]


def test_a_forced_refresh_too_soon_does_not_refresh(platforms: Platforms) -> None:
    platforms.stable()
    second = platforms.stable(force=True)["access_token"]
    platforms.clock.advance(29)
    assert platforms.stable(force=True) == {"access_token": second, "expires_in": 7171}
    platforms.clock.advance(1)
    assert platforms.stable(force=True)["access_token"] != second


def test_twenty_forced_refreshes_a_day(platforms: Platforms) -> None:
    tokens = [platforms.stable()["access_token"]]
    for _ in range(21):
        platforms.clock.advance(30)
        tokens.append(platforms.stable(force=True)["access_token"])
    assert len(set(tokens)) == 21
    assert tokens[-1] == tokens[-2]
    platforms.clock.advance(TO_CHINESE_MIDNIGHT - 22 * 30)
    held = platforms.stable()["access_token"]
    platforms.clock.advance(22 * 30)
    assert platforms.stable(force=True)["access_token"] != held


def test_lifetimes_are_options() -> None:
    short = Platforms(SandboxOptions(token_lifetime=48.8))
    first = short.stable()
    assert first["expires_in"] == 48
    short.clock.advance(46.7)
    assert short.stable()["access_token"] == first["access_token"]
    short.clock.advance(0.2)
    assert short.stable()["access_token"] != first["access_token"]
    assert short.probe(first["access_token"]) == 0
    short.clock.advance(2.1)
    assert short.probe(first["access_token"]) == 42001


@pytest.mark.parametrize(
    "wrong",
    [{"token_lifetime": 0.0}, {"token_lifetime": 10.0, "token_overlap": 10.0}, {"token_overlap": -1.0}],
)
def test_senseless_lifetimes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="lifetime"):
        SandboxOptions(**wrong)  # type: ignore[arg-type]  # the fields of that type


def test_an_api_call_distinguishes_missing_unknown_and_live_tokens(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    assert platforms.get("/cgi-bin/whatever", access_token=token) == {"errcode": 0, "errmsg": "ok"}
    assert platforms.get("/cgi-bin/whatever")["errcode"] == 41001
    unknown = platforms.get("/cgi-bin/whatever", access_token=token + "x")
    assert unknown["errcode"] == 40001
    assert re.fullmatch(
        r"invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, "
        r"more details at https://mmbizurl.cn/s/JtxxFh33r rid: [0-9a-f]+-[0-9a-f]{8}-[0-9a-f]{8}",
        unknown["errmsg"],
    )
