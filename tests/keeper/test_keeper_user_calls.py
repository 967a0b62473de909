"""Drop-in routes of what a user's token or an app's live token may ask: WeChat's /sns calls, WeCom's exchanges."""

import io
from typing import Any

import pytest

from lingpai.core.records import RIGHTS
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP
from tests.helpers.direct import Result
from tests.keeper.harness import GETTOKEN, OAUTH, OUTSIDE, Harness

REFRESH = "/sns/oauth2/refresh_token"
PROFILE = "/sns/userinfo"
AUTH = "/sns/auth"
LOGIN = "/cgi-bin/auth/getuserinfo"
SESSION = "/cgi-bin/miniprogram/jscode2session"
Json = dict[str, Any]


@pytest.fixture
async def user(own: Harness) -> Json:
    """The tokens of a user who logged in to the sample app."""
    code = await own.upstream.code(SAMPLE_APP.appid, kind="oauth", user="alice", scope="snsapi_userinfo")
    fields = {"appid": SAMPLE_APP.appid, "secret": SAMPLE_APP.secret, "code": code["code"]}
    answer: Json = (await own.get(OAUTH, **fields)).json
    assert answer["openid"]
    return answer


def refresh_of(user: Json) -> Json:
    return {
        "appid": SAMPLE_APP.appid,
        "grant_type": "refresh_token",
        "refresh_token": user["refresh_token"],
    }


def token_of(user: Json) -> Json:
    return {"access_token": user["access_token"], "openid": user["openid"]}


async def test_a_users_token_is_checked_used_and_renewed_as_at_the_platform(own: Harness, user: Json) -> None:
    assert (await own.get(AUTH, **token_of(user))).json == {"errcode": 0, "errmsg": "ok"}
    profile = (await own.get(PROFILE, **token_of(user), lang="en")).json
    assert (profile["openid"], profile["nickname"], profile["language"]) == (user["openid"], "alice", "en")
    own.clock.advance(7201)
    assert (await own.get(AUTH, **token_of(user))).json["errcode"] == 42001
    renewed = (await own.get(REFRESH, **refresh_of(user))).json
    assert renewed["openid"] == user["openid"]
    assert renewed["access_token"] != user["access_token"]
    assert (await own.get(AUTH, **token_of(renewed))).json["errcode"] == 0


async def test_a_form_is_taken_as_well_and_the_call_is_made_once(own: Harness, user: Json) -> None:
    body = "&".join(f"{name}={value}" for name, value in token_of(user).items())
    assert (await own.post(AUTH, body=body)).json["errcode"] == 0
    assert await own.upstream.calls(AUTH) == 1
    await own.upstream.fault(REFRESH, "reset")
    assert (await own.get(REFRESH, **refresh_of(user))).json["errcode"] == -1
    assert await own.upstream.calls(REFRESH) == 1


@pytest.mark.parametrize(
    ("path", "given", "code"),
    [
        (REFRESH, {"appid": "wx1"}, 41003),
        (REFRESH, {"refresh_token": "x"}, 41002),
        (REFRESH, {"appid": SAMPLE_APP.appid, "refresh_token": "x"}, 40030),
        (REFRESH, {"appid": SAMPLE_APP.appid, "refresh_token": "x", "grant_type": "y"}, 40002),
        (PROFILE, {"openid": "o"}, 41001),
        (PROFILE, {"access_token": "x"}, 41009),
        (PROFILE, {"access_token": "x", "openid": "o"}, 40001),
        (AUTH, {"access_token": "x", "openid": "o"}, 40001),
        (AUTH, {"access_token": "x" * 5000, "openid": "o"}, 40097),
        (AUTH, {"access_token": "x\r\ny", "openid": "o"}, 40001),
    ],
)
async def test_what_is_wrong_is_answered_with_the_platforms_numbers(
    own: Harness, path: str, given: Json, code: int
) -> None:
    answer = await own.get(path, **given)
    assert (answer.status_code, answer.json["errcode"]) == (200, code)


async def ask_from_outside(harness: Harness, user: Json, bearer: str = "") -> Result:
    return await harness.get(AUTH, peer=OUTSIDE, bearer=bearer, **token_of(user))


async def test_a_key_needs_the_right_and_an_app(own: Harness, user: Json) -> None:
    good = await own.add_caller("good", rights=("exchange",))
    plain = await own.add_caller("plain", rights=("token",))
    other = await own.add_caller("other", apps=("wechat/wx0",))
    assert (await ask_from_outside(own, user, good)).json["errcode"] == 0
    assert (await ask_from_outside(own, user, plain)).json["errcode"] == 40125
    assert (await ask_from_outside(own, user, "lpk_unknown")).json["errcode"] == 40125
    fields = refresh_of(user)
    assert (await own.get(REFRESH, peer=OUTSIDE, bearer=other, **fields)).json["errcode"] == 40125
    renewed = (await own.get(REFRESH, peer=OUTSIDE, bearer=good, **fields)).json
    assert renewed["openid"] == user["openid"]


async def test_strangers_with_wrong_tokens_are_slowed_down_and_those_with_right_ones_are_not(
    own: Harness, user: Json
) -> None:
    for _ in range(40):
        assert (await ask_from_outside(own, user)).json["errcode"] == 0
    guesses = [
        (await own.get(AUTH, peer=OUTSIDE, access_token=f"guess{number}", openid="o")).json["errcode"]
        for number in range(25)
    ]
    assert guesses == [40001] * 20 + [45011] * 5
    assert (await ask_from_outside(own, user)).json["errcode"] == 45011
    key = await own.add_caller("good", rights=("exchange",))
    assert (await ask_from_outside(own, user, key)).json["errcode"] == 0
    assert (await own.get(AUTH, **token_of(user))).json["errcode"] == 0
    own.clock.advance(61)
    assert (await ask_from_outside(own, user)).json["errcode"] == 0


async def test_no_token_of_a_user_is_logged(own: Harness, user: Json, log_lines: io.StringIO) -> None:
    await own.get(PROFILE, **token_of(user))
    await own.get(REFRESH, **refresh_of(user))
    await own.get(AUTH, access_token="hidden-token", openid="hidden-openid")
    own.keeper.audit.flush()
    logged = log_lines.getvalue()
    for secret in (user["access_token"], user["refresh_token"], user["openid"], "hidden"):
        assert secret not in logged
    assert '"action": "user"' in logged


async def corp_token(harness: Harness, secret: str = "") -> str:
    from lingpai.sandbox import SAMPLE_AGENT

    fields = {"corpid": SAMPLE_CORP.corpid, "corpsecret": secret or SAMPLE_AGENT.secret}
    return str((await harness.get(GETTOKEN, **fields)).json["access_token"])


async def test_wecoms_codes_are_exchanged_with_the_token_of_the_app(own: Harness) -> None:
    token = await corp_token(own)
    known = await own.upstream.code(SAMPLE_CORP.corpid, user="bob")
    asked = {"access_token": token, "code": known["code"]}
    answer = (await own.get(LOGIN, **asked)).json
    assert (answer["errcode"], answer["errmsg"], answer["userid"]) == (0, "ok", "bob")
    assert (await own.get(LOGIN, **asked)).json == answer  # a lost answer is repeated
    assert await own.upstream.calls(LOGIN) == 1
    mini = await own.upstream.code(SAMPLE_CORP.corpid, user="bob", kind="mini")
    session = (await own.get(SESSION, access_token=token, js_code=mini["code"])).json
    assert (session["errcode"], session["corpid"], session["userid"]) == (0, SAMPLE_CORP.corpid, "bob")
    assert session["session_key"]
    assert (await own.get(LOGIN, access_token=token, code="x")).json["errcode"] == 40029
    assert (await own.get(LOGIN, access_token=token)).json["errcode"] == 40029
    assert (await own.get(LOGIN, code="x")).json["errcode"] == 41001
    assert (await own.get(LOGIN, access_token="nobody's", code="x")).json["errcode"] == 40014


@pytest.mark.parametrize(
    ("rights", "forward", "code"),
    [
        ((*RIGHTS, "forward"), ("/cgi-bin/message/*",), 0),
        (("forward",), (), 0),
        (("forward",), ("/cgi-bin/auth/*",), 0),
        (("forward",), ("/cgi-bin/message/*",), 40001),
    ],
)
async def test_a_phantom_token_exchanges_codes_by_either_right(
    own: Harness, rights: tuple[str, ...], forward: tuple[str, ...], code: int
) -> None:
    apps = (f"wecom/{SAMPLE_CORP.corpid}/agent",)
    key = await own.add_caller("ghost", rights=rights, forward=forward, hand_out="phantom", apps=apps)
    phantom = await corp_token(own, key)
    known = await own.upstream.code(SAMPLE_CORP.corpid, user="bob")
    answer = (await own.get(LOGIN, access_token=phantom, code=known["code"])).json
    assert answer["errcode"] == code
