import pytest

from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP, SAMPLE_MINI, SandboxOptions
from lingpai.sandbox.controls import controls_of
from lingpai.sandbox.world import World
from tests.helpers.direct import HOST
from tests.helpers.platforms import Json, Platforms


def test_every_call_is_counted_by_path_and_account(platforms: Platforms) -> None:
    platforms.classic()
    token = platforms.classic()["access_token"]
    platforms.classic(secret="0" * 32)
    platforms.classic(appid="")
    platforms.stable()
    platforms.wecom()
    platforms.probe(token)
    platforms.raw("POST", "/cgi-bin/clear_quota/v2", json={"appid": SAMPLE_MINI.appid})
    assert platforms.control("GET", "calls") == {
        "calls": {
            "/cgi-bin/token": {SAMPLE_APP.appid: 3, "": 1},
            "/cgi-bin/stable_token": {SAMPLE_APP.appid: 1},
            "/cgi-bin/gettoken": {SAMPLE_CORP.corpid: 1},
            "/cgi-bin/sandbox_probe": {SAMPLE_APP.appid: 1},
            "/cgi-bin/clear_quota/v2": {SAMPLE_MINI.appid: 1},
        },
        "total": 8,
    }
    one = platforms.control("GET", "calls", path="/cgi-bin/token", account=SAMPLE_APP.appid)
    assert one == {"calls": {"/cgi-bin/token": {SAMPLE_APP.appid: 3}}, "total": 3}
    assert platforms.control("GET", "calls", account=SAMPLE_CORP.corpid)["total"] == 1
    assert platforms.control("GET", "calls", account="")["total"] == 1
    assert platforms.control("DELETE", "calls") == {"calls": {}, "total": 0}


def test_what_was_received_shows_no_secret(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    platforms.stable()
    headers = {"Authorization": "Bearer very-private", "X-Mark": "1"}
    platforms.raw(
        "POST", "/cgi-bin/x", query={"access_token": token, "a": "b"}, json={"hi": 1}, headers=headers
    )
    received = platforms.control("GET", "received")["received"]
    assert [call["path"] for call in received] == ["/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/x"]
    last = received[-1]
    assert (last["method"], last["query"], last["body"]) == (
        "POST",
        {"access_token": "…", "a": "b"},
        '{"hi": 1}',
    )
    assert (last["headers"]["x-mark"], last["headers"]["authorization"]) == ("1", "…")
    for private in (token, SAMPLE_APP.secret, "very-private"):
        assert private not in str(received)
    assert len(platforms.control("GET", "received", path="/cgi-bin/x")["received"]) == 1


def test_valid_knows_tokens_and_tickets(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    platforms.clock.advance(200)
    answer = platforms.control("GET", "valid", access_token=token)
    assert answer == {
        "valid": True,
        "account": SAMPLE_APP.appid,
        "family": "classic",
        "agentid": 0,
        "expires_in": 7000,
    }
    ticket = platforms.get("/cgi-bin/ticket/getticket", access_token=token, type="jsapi")["ticket"]
    assert platforms.control("GET", "valid", ticket=ticket)["family"] == "jsapi"
    assert platforms.control("GET", "valid", access_token=ticket)["valid"] is False
    platforms.control("POST", "kill", {"ticket": ticket})
    assert platforms.control("GET", "valid", ticket=ticket)["valid"] is False
    fresh = platforms.get("/cgi-bin/ticket/getticket", access_token=token, type="jsapi")["ticket"]
    assert fresh != ticket
    platforms.control("POST", "force_refresh", {"access_token": token})
    assert platforms.control("GET", "valid", access_token=token)["valid"] is False


def test_a_rotated_secret_takes_over_at_once(platforms: Platforms) -> None:
    platforms.control("PATCH", "accounts", {"account": SAMPLE_APP.appid, "secret": "f" * 32})
    assert platforms.classic()["errcode"] == 40125
    assert "access_token" in platforms.classic(secret="f" * 32)
    platforms.control("DELETE", "accounts")
    assert "access_token" in platforms.classic()


def test_the_callers_options_are_not_touched() -> None:
    options = SandboxOptions()
    platforms = Platforms(options)
    platforms.control("PATCH", "accounts", {"account": SAMPLE_APP.appid, "secret": "f" * 32})
    platforms.control("POST", "options", {"token_lifetime": 10})
    assert options == SandboxOptions()
    assert "access_token" in Platforms(options).classic()


def test_accounts_can_be_added(platforms: Platforms) -> None:
    platforms.control("PATCH", "accounts", {"account": "wx00000000000000aa", "secret": "a" * 32})
    platforms.control("PATCH", "accounts", {"account": "ww00000000000000bb", "agents": []})
    platforms.control(
        "PATCH", "accounts", {"account": "ww00000000000000bb", "agentid": 5, "secret": "s" * 43}
    )
    assert "access_token" in platforms.classic(appid="wx00000000000000aa", secret="a" * 32)
    assert platforms.wecom("s" * 43, "ww00000000000000bb")["errcode"] == 0
    listed = platforms.control("GET", "accounts")
    assert len(listed["apps"]) == 3
    assert listed["corps"][1]["agents"][0]["agentid"] == 5


def test_lifetimes_change_at_run_time(platforms: Platforms) -> None:
    before = platforms.classic()
    answer = platforms.control("POST", "options", {"token_lifetime": 100, "token_overlap": 10})
    assert (answer["token_lifetime"], answer["ticket_lifetime"]) == (100, 7200)
    assert platforms.classic()["expires_in"] == 100
    platforms.clock.advance(10)
    assert platforms.probe(before["access_token"]) == 40001


WRONG = [
    ("POST", "faults", {"path": "/cgi-bin/token", "fault": "bogus"}),
    ("POST", "faults", {"path": "/cgi-bin/token", "fault": "errcode"}),
    ("POST", "faults", {"path": "/cgi-bin/token", "fault": "slow:nan"}),
    ("POST", "faults", {"path": "/cgi-bin/token", "fault": "reset", "times": 0}),
    ("POST", "faults", {"fault": "reset"}),
    ("POST", "faults", ["reset"]),
    ("POST", "codes", {}),
    ("GET", "valid", None),
    ("POST", "kill", {"access_token": "nonsense"}),
    ("POST", "kill", {"ticket": "nonsense"}),
    ("PATCH", "accounts", {}),
    ("PATCH", "accounts", {"account": "wx1"}),
    ("PATCH", "accounts", {"account": "wx|1", "secret": "a"}),
    ("PATCH", "accounts", {"account": SAMPLE_APP.appid, "frozn": True}),
    ("PATCH", "accounts", {"account": SAMPLE_APP.appid, "ip_allow": ["not an address"]}),
    ("PATCH", "accounts", {"account": SAMPLE_APP.appid, "ip_allow": 7}),
    ("PATCH", "accounts", {"account": SAMPLE_CORP.corpid, "agents": 7}),
    ("PATCH", "accounts", {"account": SAMPLE_CORP.corpid, "agentid": [1]}),
    ("PATCH", "accounts", {"account": SAMPLE_CORP.corpid, "agents": {"a": 1}}),
    ("PATCH", "accounts", {"account": SAMPLE_CORP.corpid, "agents": [{}], "agentid": 1}),
    ("PATCH", "accounts", {"account": SAMPLE_CORP.corpid, "agents": [1], "agentid": 1}),
    ("PATCH", "accounts", {"account": [SAMPLE_CORP.corpid]}),
    ("POST", "options", {"token_lifetime": 0}),
    ("POST", "options", {"token_lifetme": 10}),
    ("POST", "addresses", {"account": SAMPLE_APP.appid, "address": "127.0.0.1", "answer": "perhaps"}),
    ("PATCH", "users", {"account": "wx0"}),
]


@pytest.mark.parametrize(("method", "name", "body"), WRONG)
def test_a_wrong_control_says_what_to_do(
    platforms: Platforms, method: str, name: str, body: Json | None
) -> None:
    refused = platforms.raw(method, f"/_sandbox/{name}", json=body)
    assert refused.status_code == 400
    assert set(refused.json) == {"title", "description"}
    assert len(refused.json["description"]) > 20


def test_an_unknown_control_lists_those_there_are(platforms: Platforms) -> None:
    refused = platforms.raw("GET", "/_sandbox/nothing")
    assert refused.status_code == 404
    assert set(refused.json["controls"]) == set(controls_of(World(SandboxOptions(), platforms.clock)))


def test_pages_of_other_sites_reach_no_control(platforms: Platforms) -> None:
    foreign = platforms.raw("GET", "/_sandbox/accounts", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    own = platforms.raw("GET", "/_sandbox/accounts", headers={"Origin": f"http://{HOST}"})
    assert own.status_code == 200


def test_controls_are_not_counted_and_meet_no_fault(platforms: Platforms) -> None:
    platforms.control("POST", "faults", {"path": "*", "fault": "http500"})
    assert platforms.control("GET", "faults")["faults"][0]["times"] == 1
    assert platforms.control("GET", "calls")["total"] == 0
