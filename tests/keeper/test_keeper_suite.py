"""A third-party app of WeCom, from its ticket to calls with a corp's token."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from lingpai.core.records import EVERY_RIGHT
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.renewal import renew_due
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_SUITE
from tests.keeper.component import Provided, confirm
from tests.keeper.suite import (
    CORP,
    CORP_TOKEN,
    NAME,
    NEXT,
    SUITE,
    SUITE_TOKEN,
    installed,
    pass_a_life,
    token_of,
)


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Provided]:
    async with installed(tmp_path) as one:
        yield one


async def adopt(made: Provided) -> None:
    await made.authorise(CORP)
    await made.adopted(CORP)


async def code_of(made: Provided, **wanted: Any) -> str:
    return str((await made.harness.upstream.code(CORP, **wanted))["code"])


async def test_the_ticket_brings_the_suites_token(made: Provided) -> None:
    answer = await made.harness.get(f"/v1/tokens/wecom_suite/{SUITE}")
    assert answer.status_code == 200, answer.json
    assert 7190 <= answer.json["expires_in"] <= 7200
    assert await made.harness.upstream.lives(answer.json["value"])


async def test_a_corps_account_is_one_like_any_other(made: Provided) -> None:
    await adopt(made)
    account = await made.account(CORP)
    assert account is not None
    assert account.via is not None
    assert (account.name, account.via.account, account.via.name) == (NAME, SUITE, "Sandbox corp")
    assert account.via.rights == (1_000_101,)
    assert await made.harness.upstream.lives(await token_of(made))
    ticket = await made.harness.get(f"/v1/tokens/wecom/{CORP}", kind="agent_ticket", label=SUITE)
    assert ticket.status_code == 200, ticket.json
    key = await made.harness.add_caller(apps=(NAME,), rights=EVERY_RIGHT)
    old = await made.harness.get("/AccessToken/getQyapi", corpid=CORP, secret=key)
    assert old.json["data"]["access_token"] == await token_of(made)
    drop_in = await made.harness.get("/cgi-bin/gettoken", corpid=CORP, corpsecret=key)
    assert drop_in.json["access_token"] == await token_of(made)
    message = {"touser": "alice", "msgtype": "text", "agentid": 1_000_101, "text": {"content": "hello"}}
    sent = await made.harness.client.ask(
        "POST",
        f"/v1/forward/wecom/{CORP}/cgi-bin/message/send",
        headers={"authorization": f"Bearer {key}", "lingpai-label": SUITE},
        json=message,
    )
    assert sent.json["errcode"] == 0, sent.json


async def test_the_corps_own_apps_stay_beside_it(made: Provided) -> None:
    await adopt(made)
    own = await made.harness.get("/AccessToken/getQyapi", corpid=CORP, secret=SAMPLE_AGENT.secret)
    assert own.json["data"]["access_token"] != await token_of(made)


async def test_the_permanent_code_is_stored_sealed(made: Provided, tmp_path: Path) -> None:
    await adopt(made)
    account = await made.account(CORP)
    assert account is not None
    kept = b"".join(each.read_bytes() for each in (tmp_path / "data").rglob("*") if each.is_file())
    assert account.account.encode() in kept
    assert account.secret.encode() not in kept
    answer = await made.harness.get(f"/v1/tokens/wecom/{CORP}", label=SUITE)
    assert account.secret not in answer.text


async def test_a_token_is_fetched_anew_when_it_ends(made: Provided) -> None:
    await adopt(made)
    first = await token_of(made)
    await pass_a_life(made)
    second = await token_of(made)
    assert first != second
    assert await made.harness.upstream.lives(second)
    assert await made.harness.upstream.calls(CORP_TOKEN) == 1


async def test_a_dead_suite_token_is_renewed_on_the_way_to_a_corps_token(made: Provided) -> None:
    await adopt(made)
    old = (await made.harness.get(f"/v1/tokens/wecom_suite/{SUITE}")).json["value"]
    await made.harness.upstream.kill(old)
    account = await made.account(CORP)
    assert account is not None
    held = await made.harness.keeper.store.read_credential(
        made.harness.keeper.app_of(account).key(ACCESS_TOKEN)
    )
    assert held is not None
    assert held.current is not None
    await made.harness.upstream.kill(held.current.value)
    await made.harness.keeper.store.end_generation(held.key, held.current.version)
    assert await made.harness.upstream.lives(await token_of(made))
    assert await made.harness.upstream.calls(SUITE_TOKEN) == 2


async def test_codes_of_a_corps_users_are_exchanged_with_the_suites_token(made: Provided) -> None:
    await adopt(made)
    exchanged = await made.harness.post(
        f"/v1/exchanges/wecom/{CORP}", {"kind": "login", "code": await code_of(made), "label": SUITE}
    )
    assert exchanged.json["userid"] == "alice", exchanged.json
    mini = await made.harness.post(
        f"/v1/exchanges/wecom/{CORP}",
        {"kind": "mini", "code": await code_of(made, kind="mini"), "label": SUITE},
    )
    assert mini.json["session_key"], mini.json


async def test_so_are_those_of_whichever_corp_by_the_suites_own_account(made: Provided) -> None:
    await adopt(made)
    exchanged = await made.harness.post(
        f"/v1/exchanges/wecom_suite/{SUITE}", {"kind": "login", "code": await code_of(made)}
    )
    assert (exchanged.json["corpid"], exchanged.json["userid"]) == (CORP, "alice"), exchanged.json


async def test_a_code_of_another_corps_user_is_not_taken_for_one_of_this_corp(made: Provided) -> None:
    other = "ww5a3b1e00000000aa"
    await made.harness.upstream.switch(other, name="Another corp", agents=[])
    for corp in (CORP, other):
        await made.authorise(corp)
        await made.adopted(corp)
    code = (await made.harness.upstream.code(other))["code"]
    answer = await made.harness.post(
        f"/v1/exchanges/wecom/{CORP}", {"kind": "login", "code": code, "label": SUITE}
    )
    assert answer.json["error"] == "upstream_refused", answer.json
    assert "userid" not in answer.json


async def visited(made: Provided, **query: str) -> tuple[Any, Any]:
    """What our page and the platform's page lead to: the address of our return route, and our answer there."""
    page, cookie = await made.visit(**query)
    back = urlsplit(await confirm(made.harness.upstream._session, page, CORP, "corpid"))
    return back, await made.harness.get(f"{back.path}?{back.query}", headers={"cookie": cookie})


async def test_a_corps_administrator_authorises_on_the_platforms_page(made: Provided) -> None:
    back, answer = await visited(made, next=NEXT)
    assert back.path == f"{made.entrance}/return"
    state = dict(parse_qsl(back.query))["state"]
    assert state.isalnum()
    assert len(state) <= 128
    assert answer.status_code == 303, answer.text
    query = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    taken = f"/v1/authorizations/wecom_suite/{SUITE}"
    first = await made.harness.post(taken, query)
    assert first.json == {"account": NAME, "platform": "wecom", "id": CORP, "label": SUITE}
    assert (await made.harness.post(taken, query)).json["error"] == "invalid_parameter"
    assert await made.harness.upstream.lives(await token_of(made))


@pytest.mark.parametrize(("auth_type", "kept"), [("", 0), ("0", 0), ("1", 1)])
async def test_a_visit_says_whether_the_app_is_tested(made: Provided, auth_type: str, kept: int) -> None:
    _, answer = await visited(made, **({"auth_type": auth_type} if auth_type else {}))
    assert answer.status_code == 200, answer.text
    shown = await made.harness.upstream.control("GET", "authorizations")
    assert [each["auth_type"] for each in shown["authorizations"]] == [kept]


@pytest.mark.parametrize("query", [{"auth_type": "3"}, {"auth_type": "x"}, {"biz_appid": CORP}])
async def test_visits_that_the_platform_does_not_have_are_refused(
    made: Provided, query: dict[str, str]
) -> None:
    page = await made.harness.get(made.entrance, **query)
    assert page.status_code == 400, page.text
    assert await made.harness.upstream.calls("/cgi-bin/service/get_pre_auth_code") == 0


async def test_a_late_ticket_is_trouble_until_the_next_one(made: Provided) -> None:
    await made.harness.upstream.switch(SUITE, callback="")
    made.harness.clock.advance(721)
    await renew_due(made.harness.keeper)
    key = made.provider.key("suite_ticket")
    held = await made.harness.keeper.store.read_credential(key)
    assert held is not None
    assert held.trouble is not None
    assert "12 minutes" in held.trouble.message
    await made.harness.upstream.switch(SUITE, callback=made.url + made.callback)

    async def is_well() -> bool:
        held = await made.harness.keeper.store.read_credential(key)
        return held is not None and held.trouble is None

    await made.until(is_well)


async def test_without_a_ticket_there_is_no_token_until_one_comes(made: Provided) -> None:
    await made.harness.upstream.switch(SUITE, callback="")
    made.harness.clock.advance(1_801)
    waiting = await made.harness.get(f"/v1/tokens/wecom_suite/{SUITE}")
    assert waiting.json["error"] == "upstream_unavailable", waiting.json
    await made.harness.upstream.switch(SUITE, callback=made.url + made.callback)
    await made.push()
    assert (await made.harness.get(f"/v1/tokens/wecom_suite/{SUITE}")).status_code == 200


async def test_a_wrong_secret_says_what_to_do(made: Provided) -> None:
    await made.harness.upstream.switch(SUITE, secret="another")
    answer = await made.harness.get(f"/v1/tokens/wecom_suite/{SUITE}")
    assert answer.json["code"] == 40080, answer.json
    await made.harness.upstream.switch(SUITE, secret=SAMPLE_SUITE.secret)
