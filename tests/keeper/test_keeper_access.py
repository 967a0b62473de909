"""Who may ask for what (docs/spec/keeper.md "Who may ask"; threats K90, K91)."""

import contextlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from lingpai.core.addresses import is_within_blocks
from lingpai.core.networks import network_of
from lingpai.core.records import RIGHTS, Account
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CONTACTS, SAMPLE_CORP, SAMPLE_MINI
from tests.keeper.harness import (
    AGENT_SECRET,
    APP,
    APP_SECRET,
    CLEAR_QYAPI,
    CLEAR_XCX,
    CORP,
    GETTOKEN,
    HELD,
    OUTSIDE,
    QYAPI,
    STABLE,
    XCX,
    Harness,
    data_of,
    failure_of,
    played,
    staged,
)
from tests.store.sample import key_of, renew

REPORT = "/keeper/report"
OVERLAP = 60.0
MINI_SECRET = {"appid": SAMPLE_MINI.appid, "secret": SAMPLE_MINI.secret}
PAGE = {"wx_app_id": SAMPLE_APP.appid, "url": "https://shop.example/"}
LOGIN = {"wx_app_id": SAMPLE_APP.appid, "code": "nonsense"}

USES = {
    "token": ("GET", XCX, APP),
    "ticket": ("GET", HELD, {"kind": "jsapi_ticket"}),
    "sign": ("POST", "/JsSDK/getJsApiSign", PAGE),
    "exchange": ("POST", "/AccessToken/getOauthAccessToken", LOGIN),
    "clear": ("GET", CLEAR_XCX, APP),
}
"""A request that needs each right."""


async def code_of(harness: Harness, right: str, key: str, peer: str = OUTSIDE) -> int:
    """0, or the code with which a request that needs `right` was refused."""
    method, path, sent = USES[right]
    if method == "GET":
        answer = await harness.get(path, peer=peer, bearer=key, **sent)
    else:
        answer = await harness.post(path, sent, peer=peer, bearer=key)
    return int(answer.json.get("code", 0)) if answer.status_code == 200 else answer.status_code


@contextlib.asynccontextmanager
async def another_process(harness: Harness, tmp_path: Path) -> AsyncIterator[Harness]:
    """A second service over the same folder."""
    async with (
        aiohttp.ClientSession() as session,
        played(tmp_path, harness.clock, harness.upstream.url, session) as other,
    ):
        yield other


@pytest.mark.parametrize("right", USES)
async def test_each_right_opens_its_own_door_and_no_other(own: Harness, right: str) -> None:
    only = await own.add_caller("only", rights=(right,))
    but = await own.add_caller("but", rights=tuple(each for each in RIGHTS if each != right))
    assert await code_of(own, right, but) == 403
    refused = 40029 if right == "exchange" else 0  # by the platform, which was asked
    assert await code_of(own, right, only) == refused
    for other in USES.keys() - {right}:
        assert await code_of(own, other, only) == 403


async def test_a_key_serves_as_bearer_and_in_place_of_the_secret(own: Harness) -> None:
    key = await own.add_caller()
    held = await own.token()
    assert data_of(await own.get(XCX, peer=OUTSIDE, bearer=key, **APP))["access_token"] == held
    assert data_of(await own.get(XCX, peer=OUTSIDE, **APP, secret=key))["access_token"] == held
    # The key in the secret's place is the one that counts.
    assert failure_of(await own.get(XCX, bearer=key, **APP, secret="lpk_other"))[0] == 403


@pytest.mark.parametrize(
    ("apps", "allowed"),
    [
        (("*",), True),
        ((f"wechat/{SAMPLE_APP.appid}",), True),
        ((f"wechat/{SAMPLE_MINI.appid}", f"wechat/{SAMPLE_APP.appid}"), True),
        ((f"wechat/{SAMPLE_MINI.appid}",), False),
        ((f"wecom/{SAMPLE_APP.appid}",), False),
        ((f"wechat/{SAMPLE_APP.appid[:-1]}",), False),
        (("wechat",), True),
        ((), False),
    ],
)
async def test_a_key_is_good_for_its_apps_only(own: Harness, apps: tuple[str, ...], allowed: bool) -> None:
    key = await own.add_caller(apps=apps)
    assert await code_of(own, "token", key) == (0 if allowed else 403)


@pytest.mark.threat("K91")
async def test_a_key_is_good_in_its_networks_only(own: Harness) -> None:
    key = await own.add_caller(networks=("203.0.113.0/28", "2001:db8::/32"))
    assert await code_of(own, "token", key) == 0
    assert await code_of(own, "token", key, peer="2001:db8::7") == 0
    assert await code_of(own, "token", key, peer="::ffff:203.0.113.9") == 0
    for elsewhere in ("203.0.113.16", "127.0.0.1", "2001:db9::7"):
        assert await code_of(own, "token", key, peer=elsewhere) == 403


@pytest.mark.threat("K91")
async def test_a_revoked_key_is_refused_at_the_very_next_request(own: Harness, tmp_path: Path) -> None:
    mine, theirs = await own.add_caller("mine"), await own.add_caller("theirs")
    async with another_process(own, tmp_path) as other:
        for harness in (own, other):
            assert await code_of(harness, "token", mine) == 0
            assert await code_of(harness, "token", theirs) == 0
        assert await own.keeper.store.revoke_caller("mine")
        assert await other.keeper.store.revoke_caller("theirs")
        for harness in (own, other):
            assert await code_of(harness, "token", mine) == 403
            assert await code_of(harness, "token", theirs) == 403


async def test_both_keys_of_a_rotated_caller_are_good_until_the_former_ends(
    own: Harness, tmp_path: Path, log_lines: io.StringIO
) -> None:
    former, newer = await own.add_caller("shop", rights=("token",)), "lpk_shop_another_0123456789"
    await own.token()
    async with another_process(own, tmp_path) as other:
        for harness in (own, other):
            assert await code_of(harness, "token", former) == 0
        digest = own.keeper.digest_caller_key(newer)
        assert await other.keeper.store.rotate_caller("shop", digest, OVERLAP)
        for harness in (own, other):
            for key in (former, newer):
                assert await code_of(harness, "token", key) == 0
                assert await code_of(harness, "ticket", key) == 403
        own.clock.advance(OVERLAP - 1)
        assert [await code_of(harness, "token", former) for harness in (own, other)] == [0, 0]
        own.clock.advance(1)
        for harness in (own, other):
            assert await code_of(harness, "token", former) == 403
            assert await code_of(harness, "token", newer) == 0
    own.keeper.audit.flush()
    lines = log_lines.getvalue()
    served = [each for each in map(json.loads, lines.splitlines()) if each["event"] == "served"]
    assert {each["caller"] for each in served if each["caller"].startswith("caller:")} == {"caller:shop"}
    assert former not in lines
    assert newer not in lines


async def test_a_caller_that_was_never_rotated_costs_one_read(
    own: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await own.add_caller("shop")
    await own.token()
    engine = own.keeper.store._engine  # type: ignore[attr-defined]
    read: list[str] = []
    rows = engine.rows

    def noted(query: str, *given: Any) -> Any:
        read.append(query)
        return rows(query, *given)

    monkeypatch.setattr(engine, "rows", noted)
    assert await code_of(own, "token", key) == 0
    assert len([each for each in read if "callers" in each]) == 1
    read.clear()
    assert await code_of(own, "token", key) == 0
    assert [each for each in read if "callers" in each] == []


async def test_the_renewal_of_one_account_costs_the_others_no_read(
    own: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own.add_app()
    mini = Account(platform="wechat", account=SAMPLE_MINI.appid, secret=SAMPLE_MINI.secret)
    await own.keeper.store.save_account(mini)
    another = {"appid": SAMPLE_MINI.appid}
    for app in (APP, APP, another):
        data_of(await own.get(XCX, **app))
    engine = own.keeper.store._engine  # type: ignore[attr-defined]
    read: list[str] = []
    rows = engine.rows

    def noted(query: str, *given: Any) -> Any:
        read.append(query)
        return rows(query, *given)

    monkeypatch.setattr(engine, "rows", noted)
    await renew(own.keeper.store, own.clock, key_of(own.keeper.ring, mini), "a newer token")
    assert data_of(await own.get(XCX, **another))["access_token"] == "a newer token"
    read.clear()
    data_of(await own.get(XCX, **APP))
    assert read == []


async def test_trusted_networks_need_no_secret(tmp_path: Path) -> None:
    async with staged(tmp_path, keeper={"trusted_networks": ("10.0.0.0/8", "fd00::/8")}) as harness:
        await harness.add_app()
        for trusted in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1"):
            assert data_of(await harness.get(XCX, peer=trusted, **APP))["access_token"]
        for other in ("127.0.0.1", "11.0.0.1", OUTSIDE, "fe80::1"):
            assert failure_of(await harness.get(XCX, peer=other, **APP))[0] == 403


@pytest.mark.parametrize("peer", ["", "unix:", "localhost", "10.0.0.1.evil.example", "10.0.0.1/8"])
def test_what_is_no_address_is_not_trusted(peer: str) -> None:
    assert not is_within_blocks(peer, ("0.0.0.0/0", "::/0"))


@pytest.mark.threat("G69")
async def test_a_forged_forwarding_header_does_not_make_a_caller_trusted(own: Harness) -> None:
    headers = {"x-forwarded-for": "127.0.0.1", "forwarded": "for=127.0.0.1", "x-real-ip": "127.0.0.1"}
    assert failure_of(await own.get(XCX, peer=OUTSIDE, headers=headers, **APP))[0] == 403


async def test_an_unconfigured_app_is_served_with_its_secret_alone(own: Harness) -> None:
    token = data_of(await own.get(XCX, **MINI_SECRET))["access_token"]
    assert data_of(await own.get(XCX, **MINI_SECRET))["access_token"] == token
    assert failure_of(await own.get(XCX, appid=SAMPLE_MINI.appid))[0] == 1
    wrong = await own.get(XCX, appid=SAMPLE_MINI.appid, secret="0" * 32)
    assert (
        failure_of(wrong)[0] == 40125
    )  # the platform's own word; the held token is not found by another secret
    key = await own.add_caller()
    assert failure_of(await own.get(XCX, bearer=key, appid=SAMPLE_MINI.appid))[0] == 1


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"), [(False, False, False), ("trusted", True, False), (True, True, True)]
)
async def test_where_unconfigured_apps_may_come_from_is_a_setting(
    tmp_path: Path, *, allowed: bool | str, inside: bool, outside: bool
) -> None:
    async with staged(tmp_path, keeper={"allow_unconfigured": allowed}) as harness:
        await harness.add_corp()
        for peer, served in (("127.0.0.1", inside), (OUTSIDE, outside)):
            answer = await harness.get(XCX, peer=peer, **MINI_SECRET)
            assert answer.json["code"] == (0 if served else 403)
            wrong = await harness.get(QYAPI, peer=peer, **CORP, secret="another")
            assert failure_of(wrong)[0] == (40001 if served else 403)
            assert data_of(await harness.get(QYAPI, peer=peer, **AGENT_SECRET))["access_token"]
        assert bool(await harness.upstream.calls(STABLE)) is inside


@pytest.mark.threat("K90")
async def test_secrets_that_begin_alike_are_two_secrets(own: Harness) -> None:
    """A library of the field keys what it holds by the first ten characters (docs/spec/platforms.md)."""
    alike = SAMPLE_AGENT.secret[:-1] + "Z"
    await own.upstream.switch(SAMPLE_CORP.corpid, agentid=1000009, secret=alike)
    tokens = {
        data_of(await own.get(QYAPI, **CORP, secret=secret))["access_token"]
        for secret in (SAMPLE_AGENT.secret, SAMPLE_CONTACTS.secret, alike)
    }
    assert len(tokens) == 3
    held = await own.upstream.calls(GETTOKEN)
    for prefix in (SAMPLE_AGENT.secret[:-1], SAMPLE_AGENT.secret[:10]):
        assert failure_of(await own.get(QYAPI, **CORP, secret=prefix))[0] == 40001
    assert await own.upstream.calls(GETTOKEN) == held + 2


@pytest.mark.threat("K90")
async def test_another_apps_secret_gets_nothing(own: Harness) -> None:
    await own.token()
    assert failure_of(await own.get(XCX, **APP, secret=SAMPLE_MINI.secret))[0] == 403
    assert failure_of(await own.get(XCX, appid=SAMPLE_MINI.appid, secret=SAMPLE_APP.secret))[0] == 40001
    assert await own.upstream.calls(STABLE) == 2


@pytest.mark.parametrize(
    ("peer", "origin"),
    [
        ("192.0.2.9", "192.0.2.9"),
        ("::ffff:192.0.2.9", "192.0.2.9"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_address_means_who_is_behind_it(peer: str, origin: str) -> None:
    assert network_of(peer) == origin


async def test_one_corp_with_several_secrets_wants_to_know_which(own: Harness) -> None:
    every = await own.add_caller("every")
    one = await own.add_caller("one", apps=(f"wecom/{SAMPLE_CORP.corpid}/contacts",))
    path = f"/v1/tokens/wecom/{SAMPLE_CORP.corpid}"
    code, message = failure_of(await own.get(QYAPI, bearer=every, **CORP))
    assert code == 1
    assert "agent, contacts" in message
    assert (await own.get(path, bearer=every)).json["error"] == "ambiguous_account"
    token = (await own.get(path, bearer=every, label="contacts")).json["value"]
    assert data_of(await own.get(QYAPI, bearer=one, **CORP))["access_token"] == token
    assert (await own.get(path, bearer=one, label="agent")).status_code == 403
    assert (await own.get(path, bearer=every, label="nobody")).status_code == 404
    assert data_of(await own.get(QYAPI, **AGENT_SECRET))["access_token"] != token


async def test_clear_needs_as_much_as_get_and_spares_the_other_secret(own: Harness) -> None:
    for secret in (SAMPLE_AGENT.secret, SAMPLE_CONTACTS.secret):
        await own.get(QYAPI, **CORP, secret=secret)
    assert failure_of(await own.get(CLEAR_QYAPI, peer=OUTSIDE, bearer="lpk_guess", **CORP))[0] == 403
    assert data_of(await own.get(CLEAR_QYAPI, peer=OUTSIDE, **AGENT_SECRET)) == {}
    assert (await own.held(key=own.agent_app().key("access_token"))).suspect
    calls = await own.upstream.calls(GETTOKEN)
    await own.get(QYAPI, **CORP, secret=SAMPLE_CONTACTS.secret)
    assert await own.upstream.calls(GETTOKEN) == calls


async def test_the_configured_secret_itself_is_as_good_as_a_key(own: Harness) -> None:
    assert data_of(await own.get(XCX, peer=OUTSIDE, **APP_SECRET))["access_token"] == await own.token()


async def test_an_over_long_secret_is_refused_unread(own: Harness) -> None:
    assert failure_of(await own.get(XCX, **APP, secret="a" * 513))[0] == 2
    assert await own.upstream.calls() == 0
