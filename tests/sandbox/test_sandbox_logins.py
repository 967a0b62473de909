from urllib.parse import parse_qs, urlsplit

import pytest

from lingpai.sandbox import SAMPLE_APP, SAMPLE_MINI, SandboxOptions, WechatApp
from tests.helpers.platforms import Json, Platforms


def mint(platforms: Platforms, **wanted: object) -> Json:
    return platforms.control("POST", "codes", {"appid": SAMPLE_APP.appid} | wanted)


def exchange(platforms: Platforms, code: str, **over: str) -> Json:
    query = {"appid": SAMPLE_APP.appid, "secret": SAMPLE_APP.secret, "grant_type": "authorization_code"}
    return platforms.get("/sns/oauth2/access_token", **(query | {"code": code} | over))


def session(platforms: Platforms, code: str, **over: str) -> Json:
    query = {"appid": SAMPLE_MINI.appid, "secret": SAMPLE_MINI.secret, "grant_type": "authorization_code"}
    return platforms.get("/sns/jscode2session", **(query | {"js_code": code} | over))


def refresh(platforms: Platforms, token: str, appid: str = SAMPLE_APP.appid) -> Json:
    query = {"appid": appid, "grant_type": "refresh_token", "refresh_token": token}
    return platforms.get("/sns/oauth2/refresh_token", **query)


def test_a_code_gives_the_users_tokens(platforms: Platforms) -> None:
    minted = mint(platforms)
    answer = exchange(platforms, minted["code"])
    assert list(answer) == ["access_token", "expires_in", "refresh_token", "openid", "scope", "unionid"]
    assert (answer["expires_in"], answer["scope"]) == (7200, "snsapi_userinfo")
    assert (answer["openid"], answer["unionid"]) == (minted["openid"], minted["unionid"])


def test_a_code_is_used_once_within_five_minutes(platforms: Platforms) -> None:
    code = mint(platforms)["code"]
    platforms.clock.advance(299)
    assert "openid" in exchange(platforms, code)
    assert exchange(platforms, code)["errcode"] == 40163
    late = mint(platforms)["code"]
    platforms.clock.advance(300)
    assert exchange(platforms, late)["errcode"] == 42003


def test_codes_that_cannot_be(platforms: Platforms) -> None:
    assert exchange(platforms, "")["errcode"] == 41008
    assert exchange(platforms, "nonsense")["errcode"] == 40029
    of_mini = platforms.control("POST", "codes", {"appid": SAMPLE_MINI.appid})["code"]
    assert exchange(platforms, of_mini)["errcode"] == 40029
    code = mint(platforms)["code"]
    assert exchange(platforms, code, secret="0" * 32)["errcode"] == 40125
    assert exchange(platforms, code, grant_type="x")["errcode"] == 40002
    assert exchange(platforms, code, appid="")["errcode"] == 41002
    assert "openid" in exchange(platforms, code)


def test_a_snapshot_user_has_no_profile(platforms: Platforms) -> None:
    answer = exchange(platforms, mint(platforms, snapshot=True)["code"])
    assert answer["is_snapshotuser"] == 1
    profile = platforms.get("/sns/userinfo", access_token=answer["access_token"], openid=answer["openid"])
    assert profile["errcode"] == 48001


def test_unionid_only_for_bound_apps(platforms: Platforms) -> None:
    loose = Platforms(SandboxOptions(apps=(WechatApp(appid=SAMPLE_APP.appid, secret=SAMPLE_APP.secret),)))
    assert "unionid" not in exchange(loose, mint(loose)["code"])
    of_mini = platforms.control("POST", "codes", {"appid": SAMPLE_MINI.appid})
    of_official = mint(platforms)
    assert of_mini["unionid"] == of_official["unionid"]
    assert of_mini["openid"] != of_official["openid"]
    assert mint(platforms, user="bob")["unionid"] != of_official["unionid"]


def test_profile_and_probe(platforms: Platforms) -> None:
    answer = exchange(platforms, mint(platforms)["code"])
    of_user = {"access_token": answer["access_token"], "openid": answer["openid"]}
    assert platforms.get("/sns/auth", **of_user) == {"errcode": 0, "errmsg": "ok"}
    assert platforms.get("/sns/userinfo", **of_user)["nickname"] == "alice"
    assert platforms.get("/sns/auth", **(of_user | {"openid": "o0"}))["errcode"] == 40003
    assert platforms.get("/sns/auth", **(of_user | {"access_token": "x"}))["errcode"] == 40001
    platforms.clock.advance(7200)
    assert platforms.get("/sns/auth", **of_user)["errcode"] == 42001


def test_a_base_scope_reads_no_profile(platforms: Platforms) -> None:
    answer = exchange(platforms, mint(platforms, scope="snsapi_base")["code"])
    of_user = {"access_token": answer["access_token"], "openid": answer["openid"]}
    assert platforms.get("/sns/userinfo", **of_user)["errcode"] == 48001


def test_a_refresh_prolongs_a_live_token_and_replaces_a_dead_one(platforms: Platforms) -> None:
    first = exchange(platforms, mint(platforms)["code"])
    platforms.clock.advance(7000)
    prolonged = refresh(platforms, first["refresh_token"])
    assert prolonged == first
    platforms.clock.advance(7200)
    replaced = refresh(platforms, first["refresh_token"])
    assert replaced["access_token"] != first["access_token"]
    assert replaced["refresh_token"] == first["refresh_token"]


def test_refreshes_that_cannot_be(platforms: Platforms) -> None:
    first = exchange(platforms, mint(platforms)["code"])
    assert refresh(platforms, "nonsense")["errcode"] == 40030
    assert refresh(platforms, first["refresh_token"], SAMPLE_MINI.appid)["errcode"] == 40030
    assert refresh(platforms, first["refresh_token"], "wx0")["errcode"] == 40013
    platforms.clock.advance(30 * 86400)
    assert refresh(platforms, first["refresh_token"])["errcode"] == 42002


def test_a_changed_password_ends_what_was_granted_before(platforms: Platforms) -> None:
    before = exchange(platforms, mint(platforms)["code"])
    change = {"account": SAMPLE_APP.appid, "password_changed": True}
    assert platforms.control("PATCH", "users", change)["grants_broken"] == 1
    assert refresh(platforms, before["refresh_token"])["errcode"] == 42007
    after = exchange(platforms, mint(platforms)["code"])
    assert "access_token" in refresh(platforms, after["refresh_token"])


def test_a_mini_program_login(platforms: Platforms) -> None:
    minted = platforms.control("POST", "codes", {"appid": SAMPLE_MINI.appid})
    answer = session(platforms, minted["code"])
    assert list(answer) == ["session_key", "openid", "unionid"]
    assert answer["openid"] == minted["openid"]
    assert len(answer["session_key"]) == 24
    assert session(platforms, minted["code"])["errcode"] == 40163
    assert session(platforms, "nonsense")["errcode"] == 40029
    assert session(platforms, "")["errcode"] == 41008
    web = platforms.control("POST", "codes", {"appid": SAMPLE_MINI.appid, "kind": "oauth"})["code"]
    assert session(platforms, web)["errcode"] == 40029


def test_a_failed_mini_program_login_is_plain_text(platforms: Platforms) -> None:
    failed = platforms.raw("GET", "/sns/jscode2session", query={"appid": SAMPLE_MINI.appid})
    assert failed.headers["content-type"].startswith("text/plain")
    assert failed.json["errcode"] == 41004


def test_a_user_logs_in_a_hundred_times_a_minute(platforms: Platforms) -> None:
    platforms.clock.advance(40)  # the minute begins

    def login(user: str) -> Json:
        wanted = {"appid": SAMPLE_MINI.appid, "user": user}
        return session(platforms, platforms.control("POST", "codes", wanted)["code"])

    assert all("openid" in login("alice") for _ in range(100))
    assert login("alice")["errcode"] == 45011
    assert "openid" in login("bob")
    platforms.clock.advance(60)
    assert "openid" in login("alice")


def test_a_blocked_user(platforms: Platforms) -> None:
    platforms.control("PATCH", "users", {"account": SAMPLE_MINI.appid, "user": "eve", "blocked": True})
    wanted = {"appid": SAMPLE_MINI.appid, "user": "eve"}
    code = platforms.control("POST", "codes", wanted)["code"]
    assert session(platforms, code)["errcode"] == 40226


def test_oauth_calls_have_a_minute_quota() -> None:
    platforms = Platforms(SandboxOptions(sns_per_minute=1))
    assert "openid" in exchange(platforms, mint(platforms)["code"])
    code = mint(platforms)["code"]
    assert exchange(platforms, code)["errcode"] == 45011
    platforms.clock.advance(60)
    assert "openid" in exchange(platforms, code)


@pytest.mark.parametrize("wanted", [{"appid": "wx0"}, {"kind": "wecom"}, {"kind": "other"}, {"who": "alice"}])
def test_codes_that_cannot_be_minted(platforms: Platforms, wanted: Json) -> None:
    body = {"appid": SAMPLE_APP.appid} | wanted
    refused = platforms.raw("POST", "/_sandbox/codes", json=body)
    assert refused.status_code == 400
    assert refused.json["description"]


def test_the_authorize_page_sends_the_browser_back_with_a_code(platforms: Platforms) -> None:
    query = {
        "appid": SAMPLE_APP.appid,
        "redirect_uri": "http://app.example/cb?a=b#f",
        "state": "s&1",
        "user": "bob",
    }
    sent = platforms.raw("GET", "/connect/oauth2/authorize", query=query | {"scope": "snsapi_base"})
    assert sent.status_code == 302
    back = urlsplit(sent.headers["location"])
    assert (back.netloc, back.path, back.fragment) == ("app.example", "/cb", "f")
    reply = parse_qs(back.query)
    assert (reply["a"], reply["state"]) == (["b"], ["s&1"])
    answer = exchange(platforms, reply["code"][0])
    assert answer["scope"] == "snsapi_base"
    assert answer["openid"] == mint(platforms, user="bob")["openid"]
    for wrong in ({"redirect_uri": "javascript:alert(1)"}, {"appid": "wx0"}):
        assert platforms.raw("GET", "/connect/oauth2/authorize", query=query | wrong).status_code == 400
