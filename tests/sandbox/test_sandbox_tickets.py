import pytest

from lingpai.sandbox import SAMPLE_CONTACTS, SAMPLE_MINI, SandboxOptions
from tests.helpers.platforms import Json, Platforms

GETTICKET = "/cgi-bin/ticket/getticket"


def ticket(platforms: Platforms, token: str, kind: str = "jsapi") -> Json:
    return platforms.get(GETTICKET, access_token=token, type=kind)


def test_a_ticket_stays_the_same_under_a_new_token(platforms: Platforms) -> None:
    first = ticket(platforms, platforms.classic()["access_token"])
    assert list(first) == ["errcode", "errmsg", "ticket", "expires_in"]
    assert (first["errcode"], first["errmsg"], first["expires_in"]) == (0, "ok", 7200)
    platforms.clock.advance(7000)
    again = ticket(platforms, platforms.classic()["access_token"])
    assert (again["ticket"], again["expires_in"]) == (first["ticket"], 200)
    platforms.clock.advance(200)
    fresh = ticket(platforms, platforms.stable()["access_token"])
    assert fresh["ticket"] != first["ticket"]
    assert fresh["expires_in"] == 7200


def test_the_kinds_are_different_tickets(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    assert ticket(platforms, token)["ticket"] != ticket(platforms, token, "wx_card")["ticket"]
    assert ticket(platforms, token, "other")["errcode"] == 40097


def test_a_dead_token_gets_no_ticket(platforms: Platforms) -> None:
    token = platforms.classic()["access_token"]
    platforms.control("POST", "kill", {"access_token": token})
    assert ticket(platforms, token)["errcode"] == 40001


def test_a_mini_program_has_no_tickets(platforms: Platforms) -> None:
    token = platforms.classic(appid=SAMPLE_MINI.appid, secret=SAMPLE_MINI.secret)["access_token"]
    assert ticket(platforms, token)["errcode"] == 48001


def test_a_corp_ticket_is_one_for_all_agents_and_an_agents_is_its_own(platforms: Platforms) -> None:
    one = platforms.wecom()["access_token"]
    two = platforms.wecom(SAMPLE_CONTACTS.secret)["access_token"]
    corp = [platforms.get("/cgi-bin/get_jsapi_ticket", access_token=token)["ticket"] for token in (one, two)]
    own = [
        platforms.get("/cgi-bin/ticket/get", access_token=token, type="agent_config")["ticket"]
        for token in (one, two)
    ]
    assert corp[0] == corp[1]
    assert len({corp[0], *own}) == 3
    assert platforms.get("/cgi-bin/ticket/get", access_token=one, type="jsapi")["errcode"] == 40097
    platforms.clock.advance(100)
    assert platforms.get("/cgi-bin/get_jsapi_ticket", access_token=one)["expires_in"] == 7100


@pytest.mark.parametrize(
    ("options", "allowed"),
    [(SandboxOptions(), 100), (SandboxOptions(tickets_per_corp=5), 5)],
    ids=["of the agent", "of the corp"],
)
def test_ticket_calls_per_hour(options: SandboxOptions, allowed: int) -> None:
    platforms = Platforms(options)
    token = platforms.wecom()["access_token"]
    other = platforms.wecom(SAMPLE_CONTACTS.secret)["access_token"]
    answers = [
        platforms.get("/cgi-bin/get_jsapi_ticket", access_token=token)["errcode"] for _ in range(allowed + 1)
    ]
    assert answers == [0] * allowed + [45009]
    spent = platforms.get("/cgi-bin/get_jsapi_ticket", access_token=other)["errcode"]
    assert spent == (45009 if allowed == options.tickets_per_corp else 0)
    platforms.clock.advance(3600)
    assert platforms.get("/cgi-bin/get_jsapi_ticket", access_token=token)["errcode"] == 0
