"""WeCom's third-party apps: what each call refuses, and what lives how long."""

from typing import Any

import pytest

from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_CORP, SAMPLE_SUITE
from lingpai.sandbox.components import new_ticket
from tests.helpers.platforms import Json, Platforms

CORP, SUITE = SAMPLE_CORP.corpid, SAMPLE_SUITE.suite_id
SERVICE = "/cgi-bin/service"


def ticket(platforms: Platforms) -> str:
    return new_ticket(platforms.world, SAMPLE_SUITE)


def ask_token(platforms: Platforms, **fields: str) -> Json:
    given = {"suite_id": SUITE, "suite_secret": SAMPLE_SUITE.secret, "suite_ticket": ticket(platforms)}
    return platforms.post(f"{SERVICE}/get_suite_token", {**given, **fields})


def post(platforms: Platforms, name: str, fields: Json, token: str = "") -> Json:
    token = token or ask_token(platforms)["suite_access_token"]
    return platforms.post(f"{SERVICE}/{name}", fields, suite_access_token=token)


def pre_auth(platforms: Platforms, token: str = "") -> Json:
    token = token or ask_token(platforms)["suite_access_token"]
    return platforms.get(f"{SERVICE}/get_pre_auth_code", suite_access_token=token)


def authorise(platforms: Platforms, **wanted: Any) -> str:
    return str(platforms.control("POST", "authorizations", {"account": CORP, **wanted})["auth_code"])


def installed(platforms: Platforms) -> Json:
    return post(platforms, "get_permanent_code", {"auth_code": authorise(platforms)})


def test_a_repeat_gives_the_same_token_whatever_the_ticket(platforms: Platforms) -> None:
    first, again = ask_token(platforms), ask_token(platforms)
    assert list(first) == ["suite_access_token", "expires_in"]
    assert first["suite_access_token"] == again["suite_access_token"]
    platforms.clock.advance(7_200)
    assert ask_token(platforms)["suite_access_token"] != first["suite_access_token"]


@pytest.mark.parametrize(
    ("fields", "errcode"),
    [
        ({"suite_id": ""}, 41021),
        ({"suite_secret": ""}, 41024),
        ({"suite_ticket": ""}, 41023),
        ({"suite_id": "ww0000000000000000"}, 40083),
        ({"suite_secret": "wrong"}, 40080),
        ({"suite_ticket": "ticket@@@wrong"}, 40085),
    ],
)
def test_each_wrong_parameter_has_its_code(
    platforms: Platforms, fields: dict[str, str], errcode: int
) -> None:
    assert ask_token(platforms, **fields)["errcode"] == errcode


def test_a_ticket_lives_for_half_an_hour(platforms: Platforms) -> None:
    old = ticket(platforms)
    platforms.clock.advance(1_799)
    assert "suite_access_token" in ask_token(platforms, suite_ticket=old)
    platforms.clock.advance(1)
    assert ask_token(platforms, suite_ticket=old)["errcode"] == 40085


def test_calls_need_a_live_token_of_a_suite(platforms: Platforms) -> None:
    token = ask_token(platforms)["suite_access_token"]
    assert platforms.get(f"{SERVICE}/get_pre_auth_code")["errcode"] == 41022
    assert pre_auth(platforms, platforms.wecom()["access_token"])["errcode"] == 40082
    platforms.clock.advance(7_200)
    assert pre_auth(platforms, token)["errcode"] == 42009


def test_a_visit_says_its_kind_while_its_code_lives(platforms: Platforms) -> None:
    code = pre_auth(platforms)["pre_auth_code"]
    for kind, errcode in ((1, 0), (0, 0), (2, 40058), ("1", 40058)):
        session = {"pre_auth_code": code, "session_info": {"auth_type": kind}}
        assert post(platforms, "set_session_info", session)["errcode"] == errcode
    session = {"pre_auth_code": "none", "session_info": {}}
    assert post(platforms, "set_session_info", session)["errcode"] == 40077
    platforms.clock.advance(1_200)
    assert post(platforms, "set_session_info", {**session, "pre_auth_code": code})["errcode"] == 42007


@pytest.mark.parametrize("name", ["get_permanent_code", "v2/get_permanent_code"])
def test_a_corps_code_is_good_once_for_ten_minutes(platforms: Platforms, name: str) -> None:
    code = authorise(platforms)
    found = post(platforms, name, {"auth_code": code})
    assert found["auth_corp_info"] == {"corpid": CORP, "corp_name": SAMPLE_CORP.name}
    assert ("access_token" in found) == (name == "get_permanent_code")
    assert post(platforms, name, {"auth_code": code})["errcode"] == 40078
    late = authorise(platforms)
    platforms.clock.advance(600)
    assert post(platforms, name, {"auth_code": late})["errcode"] == 40078


def test_a_permanent_code_is_of_one_corp_until_it_is_reset_or_withdrawn(platforms: Platforms) -> None:
    code = installed(platforms)["permanent_code"]
    corp = {"auth_corpid": CORP, "permanent_code": code}
    assert installed(platforms)["permanent_code"] == code
    assert "access_token" in post(platforms, "get_corp_token", corp)
    assert post(platforms, "get_corp_token", {**corp, "permanent_code": "wrong"})["errcode"] == 40084
    assert post(platforms, "get_auth_info", {**corp, "permanent_code": ""})["errcode"] == 41025
    authorise(platforms, lose=True)
    assert post(platforms, "get_auth_info", corp)["errcode"] == 40084


def test_a_corp_that_withdraws_ends_its_token_at_once(platforms: Platforms) -> None:
    token = installed(platforms)["access_token"]
    own = platforms.wecom(SAMPLE_AGENT.secret)["access_token"]
    assert platforms.probe(token) == 0
    platforms.control("DELETE", "authorizations", {"account": CORP})
    assert platforms.probe(token) == 40014
    assert platforms.probe(own) == 0


def test_users_of_corps_that_have_not_authorised_are_unknown(platforms: Platforms) -> None:
    def login(name: str = "auth/getuserinfo3rd") -> Json:
        code = str(platforms.control("POST", "codes", {"account": CORP})["code"])
        token = ask_token(platforms)["suite_access_token"]
        return platforms.get(f"{SERVICE}/{name}", suite_access_token=token, code=code)

    assert login()["errcode"] == 40029
    installed(platforms)
    assert (login()["corpid"], login()["userid"]) == (CORP, "alice")
    assert (login("getuserinfo3rd")["CorpId"], login("getuserinfo3rd")["UserId"]) == (CORP, "alice")
