from lingpai.sandbox import SAMPLE_APP, SAMPLE_MINI, SandboxOptions, WechatApp
from tests.helpers.platforms import TO_CHINESE_MIDNIGHT, Platforms

BY_SECRET = {"appid": SAMPLE_APP.appid, "appsecret": SAMPLE_APP.secret}


def test_the_defaults_are_the_published_numbers() -> None:
    options = SandboxOptions()
    assert (options.classic_quota, options.stable_quota, options.stable_per_minute) == (2000, 500_000, 10_000)
    assert (options.forced_quota, options.forced_gap, options.resets_per_month) == (20, 30, 10)
    assert (options.token_lifetime, options.overlap, options.code_lifetime) == (7200, 300, 300)


def test_the_daily_quota_ends_at_chinese_midnight() -> None:
    platforms = Platforms(SandboxOptions(classic_quota=2))
    live = [platforms.classic()["access_token"] for _ in range(2)]
    refused = platforms.classic()
    assert refused["errcode"] == 45009
    assert [platforms.probe(token) for token in live] == [0, 0]
    assert "access_token" in platforms.stable()
    platforms.clock.advance(TO_CHINESE_MIDNIGHT - 1)
    assert platforms.classic()["errcode"] == 45009
    platforms.clock.advance(1)
    assert "access_token" in platforms.classic()


def test_an_app_may_have_a_quota_of_its_own() -> None:
    tested = WechatApp(appid=SAMPLE_APP.appid, secret=SAMPLE_APP.secret, quotas={"/cgi-bin/token": 1})
    platforms = Platforms(SandboxOptions(apps=(tested, SAMPLE_MINI)))
    assert "access_token" in platforms.classic()
    assert platforms.classic()["errcode"] == 45009
    assert "access_token" in platforms.classic(appid=SAMPLE_MINI.appid, secret=SAMPLE_MINI.secret)


def test_a_wrong_secret_costs_no_quota() -> None:
    platforms = Platforms(SandboxOptions(classic_quota=1))
    assert platforms.classic(secret="0" * 32)["errcode"] == 40125
    assert "access_token" in platforms.classic()


def test_the_stable_call_has_a_minute_quota() -> None:
    platforms = Platforms(SandboxOptions(stable_per_minute=3))
    platforms.clock.advance(40)  # the minute begins
    assert all("access_token" in platforms.stable() for _ in range(3))
    assert platforms.stable()["errcode"] == 45011
    platforms.clock.advance(60)
    assert "access_token" in platforms.stable()


def test_the_stable_call_has_a_daily_quota() -> None:
    platforms = Platforms(SandboxOptions(stable_quota=1))
    assert "access_token" in platforms.stable()
    assert platforms.stable()["errcode"] == 45009


def test_clear_quota_frees_the_day() -> None:
    platforms = Platforms(SandboxOptions(classic_quota=1))
    token = platforms.classic()["access_token"]
    assert platforms.classic()["errcode"] == 45009
    wrong = platforms.post("/cgi-bin/clear_quota", {"appid": SAMPLE_MINI.appid}, access_token=token)
    assert wrong["errcode"] == 40013
    cleared = platforms.post("/cgi-bin/clear_quota", {"appid": SAMPLE_APP.appid}, access_token=token)
    assert cleared == {"errcode": 0, "errmsg": "ok"}
    assert "access_token" in platforms.classic()


def test_clear_quota_by_secret_needs_no_token() -> None:
    platforms = Platforms(SandboxOptions(classic_quota=0))
    assert platforms.classic()["errcode"] == 45009
    assert platforms.post("/cgi-bin/clear_quota/v2", BY_SECRET)["errcode"] == 0
    assert platforms.post("/cgi-bin/clear_quota/v2", BY_SECRET | {"appsecret": "0" * 32})["errcode"] == 40125
    assert platforms.post("/cgi-bin/clear_quota/v2", {"appid": SAMPLE_APP.appid})["errcode"] == 41004


def test_ten_resets_a_month_of_whichever_kind(platforms: Platforms) -> None:
    token = platforms.stable()["access_token"]
    one = {"cgi_path": "/cgi-bin/token"}
    for _ in range(3):
        assert platforms.post("/cgi-bin/openapi/quota/clear", one, access_token=token)["errcode"] == 0
        assert (
            platforms.post("/cgi-bin/clear_quota", {"appid": SAMPLE_APP.appid}, access_token=token)["errcode"]
            == 0
        )
        assert platforms.post("/cgi-bin/clear_quota/v2", BY_SECRET)["errcode"] == 0
    assert platforms.post("/cgi-bin/clear_quota/v2", BY_SECRET)["errcode"] == 0
    assert platforms.post("/cgi-bin/clear_quota/v2", BY_SECRET)["errcode"] == 48006
    assert platforms.post("/cgi-bin/openapi/quota/clear", one, access_token=token)["errcode"] == 48006
    platforms.clock.advance(17 * 86400)  # December
    assert platforms.post("/cgi-bin/clear_quota/v2", BY_SECRET)["errcode"] == 0


def test_quota_get_counts_what_was_called(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    platforms.classic()
    asked = platforms.post("/cgi-bin/openapi/quota/get", {"cgi_path": "/cgi-bin/token"}, access_token=token)
    assert asked["quota"] == {"daily_limit": 2000, "used": 2, "remain": 1998}
    wrong = platforms.post("/cgi-bin/openapi/quota/get", {"cgi_path": "token"}, access_token=token)
    assert wrong["errcode"] == 76021


def test_clearing_one_path_leaves_the_others() -> None:
    platforms = Platforms(SandboxOptions(classic_quota=1, quotas={"/cgi-bin/ticket/getticket": 1}))
    token = platforms.classic()["access_token"]
    ticket = {"access_token": token, "type": "jsapi"}
    assert platforms.get("/cgi-bin/ticket/getticket", **ticket)["errcode"] == 0
    assert platforms.get("/cgi-bin/ticket/getticket", **ticket)["errcode"] == 45009
    path = {"cgi_path": "/cgi-bin/ticket/getticket"}
    assert platforms.post("/cgi-bin/openapi/quota/clear", path, access_token=token)["errcode"] == 0
    assert platforms.get("/cgi-bin/ticket/getticket", **ticket)["errcode"] == 0
    assert platforms.classic()["errcode"] == 45009
