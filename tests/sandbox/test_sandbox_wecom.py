import re

from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_CONTACTS, SAMPLE_CORP, SandboxOptions, WecomAgent, WecomCorp
from tests.helpers.platforms import Json, Platforms

OTHER = WecomCorp(corpid="ww0000000000000009", agents=(WecomAgent(agentid=7, secret="z" * 43),))


def code(platforms: Platforms, **wanted: object) -> str:
    return str(platforms.control("POST", "codes", {"corpid": SAMPLE_CORP.corpid} | wanted)["code"])


def test_a_repeat_gives_the_same_token_to_its_end(platforms: Platforms) -> None:
    first = platforms.wecom()
    assert list(first) == ["errcode", "errmsg", "access_token", "expires_in"]
    assert (first["errcode"], first["expires_in"]) == (0, 7200)
    assert len(first["access_token"]) <= 512
    platforms.clock.advance(7000)
    again = platforms.wecom()
    assert (again["access_token"], again["expires_in"]) == (first["access_token"], 200)
    platforms.clock.advance(200)
    fresh = platforms.wecom()
    assert fresh["access_token"] != first["access_token"]
    assert (platforms.probe(first["access_token"]), platforms.probe(fresh["access_token"])) == (42001, 0)


def test_each_secret_of_a_corp_has_its_own_token(platforms: Platforms) -> None:
    one, two = platforms.wecom(), platforms.wecom(SAMPLE_CONTACTS.secret)
    assert one["access_token"] != two["access_token"]
    assert platforms.probe(one["access_token"]) == platforms.probe(two["access_token"]) == 0


def test_each_wrong_parameter_has_its_code() -> None:
    platforms = Platforms(SandboxOptions(corps=(SAMPLE_CORP, OTHER)))
    assert platforms.wecom(corpid="")["errcode"] == 41002
    assert platforms.wecom("")["errcode"] == 41004
    assert platforms.wecom(corpid="ww0")["errcode"] == 40013
    assert platforms.wecom(OTHER.agents[0].secret)["errcode"] == 40091
    wrong = platforms.wecom(SAMPLE_AGENT.secret[:-1])
    assert wrong["errcode"] == 40001
    assert re.fullmatch(
        r"invalid credential, hint: \[\d+\], from ip: 127.0.0.1, more info at "
        r"https://open.work.weixin.qq.com/devtool/query\?e=40001",
        wrong["errmsg"],
    )


def test_two_thousand_wrong_calls_block_the_corp_for_an_hour() -> None:
    assert SandboxOptions().wrong_calls_per_hour == 2000
    platforms = Platforms(SandboxOptions(wrong_calls_per_hour=3))
    assert [platforms.wecom("x")["errcode"] for _ in range(4)] == [40001, 40001, 40001, 45009]
    assert platforms.wecom()["errcode"] == 45009
    platforms.clock.advance(3599)
    assert platforms.wecom()["errcode"] == 45009
    platforms.clock.advance(1)
    assert platforms.wecom()["errcode"] == 0


def test_the_switch_of_an_agent(platforms: Platforms) -> None:
    change = {"account": SAMPLE_CORP.corpid, "agentid": SAMPLE_AGENT.agentid, "refusal": 45033}
    platforms.control("PATCH", "accounts", change)
    assert platforms.wecom()["errcode"] == 45033
    assert platforms.wecom(SAMPLE_CONTACTS.secret)["errcode"] == 0


def test_dead_tokens_have_wecoms_own_codes(platforms: Platforms) -> None:
    token = platforms.wecom()["access_token"]
    assert platforms.get("/cgi-bin/get_jsapi_ticket")["errcode"] == 41001
    assert platforms.get("/cgi-bin/get_jsapi_ticket", access_token="nonsense")["errcode"] == 40014
    platforms.control("POST", "kill", {"access_token": token})
    assert platforms.get("/cgi-bin/user/get", access_token=token, userid="alice")["errcode"] == 40014
    assert platforms.wecom()["access_token"] != token


def test_the_trusted_list_binds_api_calls(platforms: Platforms) -> None:
    token = platforms.wecom()["access_token"]
    change = {
        "account": SAMPLE_CORP.corpid,
        "agentid": SAMPLE_AGENT.agentid,
        "trusted_ips": ["203.0.113.0/24"],
    }
    platforms.control("PATCH", "accounts", change)
    assert platforms.wecom()["access_token"] == token
    refused = platforms.get("/cgi-bin/get_jsapi_ticket", address="198.51.100.4", access_token=token)
    assert refused["errcode"] == 60020
    assert "from ip: 198.51.100.4" in refused["errmsg"]
    assert (
        platforms.get("/cgi-bin/get_jsapi_ticket", address="203.0.113.9", access_token=token)["errcode"] == 0
    )


def test_a_members_login(platforms: Platforms) -> None:
    token = platforms.wecom()["access_token"]
    path = "/cgi-bin/auth/getuserinfo"
    first = code(platforms)
    assert platforms.get(path, access_token=token, code=first) == {
        "errcode": 0,
        "errmsg": "ok",
        "userid": "alice",
    }
    assert platforms.get(path, access_token=token, code=first)["errcode"] == 40029
    assert platforms.get(path, access_token=token)["errcode"] == 41008
    late = code(platforms)
    platforms.clock.advance(300)
    assert platforms.get(path, access_token=token, code=late)["errcode"] == 40029
    private = code(platforms, scope="snsapi_privateinfo", user="bob")
    answer = platforms.get(path, access_token=token, code=private)
    assert answer["userid"] == "bob"
    assert answer["user_ticket"]


def test_an_outsiders_login_and_the_old_spelling(platforms: Platforms) -> None:
    token = platforms.wecom()["access_token"]
    new, old = "/cgi-bin/auth/getuserinfo", "/cgi-bin/user/getuserinfo"
    outside = platforms.get(new, access_token=token, code=code(platforms, outsider=True))
    assert set(outside) == {"errcode", "errmsg", "openid", "external_userid"}
    inside = platforms.get(old, access_token=token, code=code(platforms))
    assert inside["UserId"] == "alice"
    assert inside["DeviceId"]
    stranger = platforms.get(old, access_token=token, code=code(platforms, outsider=True))
    assert stranger["OpenId"] == outside["openid"]


def test_a_code_may_be_for_one_agent_only(platforms: Platforms) -> None:
    other = platforms.wecom(SAMPLE_CONTACTS.secret)["access_token"]
    own = code(platforms, agentid=SAMPLE_AGENT.agentid)
    path = "/cgi-bin/auth/getuserinfo"
    assert platforms.get(path, access_token=other, code=own)["errcode"] == 40029
    assert platforms.get(path, access_token=platforms.wecom()["access_token"], code=own)["errcode"] == 0


def test_a_mini_program_login(platforms: Platforms) -> None:
    token = platforms.wecom()["access_token"]
    query: Json = {"access_token": token, "grant_type": "authorization_code"}
    path = "/cgi-bin/miniprogram/jscode2session"
    answer = platforms.get(path, js_code=code(platforms, kind="mini"), **query)
    assert (answer["errcode"], answer["corpid"], answer["userid"]) == (0, SAMPLE_CORP.corpid, "alice")
    assert answer["session_key"]
    assert platforms.get(path, js_code="x", **(query | {"grant_type": "x"}))["errcode"] == 40002


def test_another_agents_number_is_refused(platforms: Platforms) -> None:
    token = platforms.wecom()["access_token"]
    own, other = SAMPLE_AGENT.agentid, SAMPLE_CONTACTS.agentid
    assert platforms.get("/cgi-bin/agent/get", access_token=token, agentid=own)["name"] == SAMPLE_AGENT.name
    assert platforms.get("/cgi-bin/agent/get", access_token=token, agentid=other)["errcode"] == 301002
    assert platforms.get("/cgi-bin/agent/get", access_token=token, agentid="x")["errcode"] == 40056
    send = {"touser": "alice", "msgtype": "text", "agentid": own, "text": {"content": "hi"}}
    assert platforms.post("/cgi-bin/message/send", send, access_token=token)["msgid"]
    wrong = send | {"agentid": other}
    assert platforms.post("/cgi-bin/message/send", wrong, access_token=token)["errcode"] == 301002


def test_the_tokens_owner_decides_on_shared_paths(platforms: Platforms) -> None:
    code(platforms)  # alice is met
    of_corp, of_app = platforms.wecom()["access_token"], platforms.classic()["access_token"]
    assert platforms.get("/cgi-bin/user/get", access_token=of_corp, userid="alice")["userid"] == "alice"
    assert platforms.get("/cgi-bin/user/get", access_token=of_corp, userid="nobody")["errcode"] == 60111
    assert platforms.get("/cgi-bin/user/get", access_token=of_app)["total"] == 0
    assert platforms.get("/cgi-bin/get_api_domain_ip", access_token=of_corp)["errcode"] == 0
    assert list(platforms.get("/cgi-bin/get_api_domain_ip", access_token=of_app)) == ["ip_list"]
