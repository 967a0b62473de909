import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingpai.sandbox import SAMPLE_APP, SAMPLE_MINI
from lingpai.sandbox.dispatch import OPEN, WECHAT, WECOM
from tests.helpers.platforms import Json, Platforms

WRONG = [
    ({"appid": ""}, 41002),
    ({"secret": ""}, 41004),
    ({"grant_type": ""}, 40002),
    ({"grant_type": "client_credentials"}, 40002),
    ({"appid": "wx0000000000000000"}, 40013),
    ({"secret": "0" * 32}, 40125),
    ({"secret": SAMPLE_APP.secret[:-1]}, 40125),
    ({"secret": SAMPLE_MINI.secret}, 40001),
]


@pytest.mark.parametrize(("over", "errcode"), WRONG)
def test_each_wrong_parameter_has_its_code(platforms: Platforms, over: dict[str, Any], errcode: int) -> None:
    classic, stable = platforms.classic(**over), platforms.stable(**over)
    assert classic["errcode"] == stable["errcode"] == errcode
    assert list(classic) == ["errcode", "errmsg"]
    assert re.search(r" rid: [0-9a-f]+-", classic["errmsg"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'"text"'])
def test_a_body_that_is_no_json_object(platforms: Platforms, body: bytes) -> None:
    assert platforms.raw("POST", "/cgi-bin/stable_token", body=body).json["errcode"] == 47001


@pytest.mark.parametrize("force", ["true", 1, None])
def test_force_refresh_must_be_a_boolean(platforms: Platforms, force: Any) -> None:
    assert platforms.stable(force_refresh=force)["errcode"] == 47001


def test_the_wrong_method(platforms: Platforms) -> None:
    assert platforms.raw("GET", "/cgi-bin/stable_token").json["errcode"] == 43002
    assert platforms.raw("PUT", "/cgi-bin/token").json["errcode"] == 43001
    token = platforms.classic()["access_token"]
    assert (
        platforms.post("/cgi-bin/ticket/getticket", {}, access_token=token, type="jsapi")["errcode"] == 43001
    )
    assert platforms.get("/cgi-bin/message/custom/send", access_token=token)["errcode"] == 43002
    assert platforms.raw("PUT", "/cgi-bin/gettoken").json["errcode"] == 43001
    assert platforms.raw("POST", "/cgi-bin/gettoken").json["errcode"] == 41002  # read, and found empty


@pytest.mark.parametrize(
    ("switch", "errcode"),
    [({"frozen": True}, 40243), ({"refusal": 50002}, 50002), ({"refusal": 50007}, 50007)],
)
def test_the_switches_of_an_app(platforms: Platforms, switch: Json, errcode: int) -> None:
    held = platforms.stable()["access_token"]
    platforms.control("PATCH", "accounts", {"account": SAMPLE_APP.appid} | switch)
    assert platforms.classic()["errcode"] == platforms.stable()["errcode"] == errcode
    assert platforms.probe(held) == 0
    off = {name: type(value)() for name, value in switch.items()}
    platforms.control("PATCH", "accounts", {"account": SAMPLE_APP.appid} | off)
    assert platforms.stable()["access_token"] == held


def test_the_allow_list_names_the_address_and_binds_only_token_calls(platforms: Platforms) -> None:
    held = platforms.stable()["access_token"]
    platforms.control(
        "PATCH", "accounts", {"account": SAMPLE_APP.appid, "ip_allow": ["203.0.113.7", "10.0.0.0/8"]}
    )
    refused = platforms.classic(address="198.51.100.4")
    assert refused["errcode"] == 40164
    assert refused["errmsg"].startswith(
        "invalid ip 198.51.100.4 ipv6 ::ffff:198.51.100.4, not in whitelist rid: "
    )
    assert "access_token" in platforms.classic(address="203.0.113.7")
    assert "access_token" in platforms.classic(address="10.9.8.7")
    assert platforms.get("/cgi-bin/x", address="198.51.100.4", access_token=held)["errcode"] == 0


def test_a_new_address_waits_for_the_administrator(platforms: Platforms) -> None:
    platforms.control("PATCH", "accounts", {"account": SAMPLE_APP.appid, "ip_confirmation": True})
    assert platforms.classic()["errcode"] == 89503
    assert platforms.classic()["errcode"] == 89501
    answer = {"account": SAMPLE_APP.appid, "address": "127.0.0.1"}
    platforms.control("POST", "addresses", answer | {"answer": "refuse"})
    assert platforms.classic()["errcode"] == 89507
    platforms.clock.advance(3600)
    assert platforms.classic()["errcode"] == 89503
    platforms.control("POST", "addresses", answer | {"answer": "refuse"})
    platforms.clock.advance(86399)
    assert platforms.classic()["errcode"] == 89506
    platforms.clock.advance(1)
    assert platforms.classic()["errcode"] == 89503
    platforms.control("POST", "addresses", answer | {"answer": "confirm"})
    assert "access_token" in platforms.classic()
    assert platforms.classic(address="198.51.100.4")["errcode"] == 89503


def test_an_unknown_user_level_path(platforms: Platforms) -> None:
    assert platforms.get("/sns/nothing")["errcode"] == 40066
    assert platforms.get("/")["errcode"] == 40066


PATHS = st.sampled_from([*OPEN, *WECHAT, *WECOM, "/cgi-bin/other", "/", "/sns/x", "/cgi-bin/%ff|%00"])
TEXTS = st.text(max_size=12)
QUERIES = st.dictionaries(
    st.sampled_from(["access_token", "appid", "secret", "grant_type", "type", "code", "openid"]), TEXTS
)
BODIES = st.binary(max_size=40) | st.sampled_from(
    [b'{"appid":1}', b'{"cgi_path":"\\ud800"}', b'{"touser":[1]}']
)


@settings(max_examples=150, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]),
    path=PATHS,
    query=QUERIES,
    body=BODIES,
    live=st.sampled_from(["", "wechat", "wecom"]),
)
def test_whatever_is_sent_gets_a_platforms_answer(
    method: str, path: str, query: dict[str, str], body: bytes, live: str
) -> None:
    platforms = Platforms()
    if live:
        held = platforms.wecom() if live == "wecom" else platforms.classic()
        query = query | {"access_token": held["access_token"]}
    answer = platforms.raw(method, path, query=query, body=body)
    assert answer.status_code == 200
    if method != "HEAD":
        assert isinstance(answer.json, dict)
