"""A third-party platform of WeChat, from its ticket to calls with a merchant's token."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from lingpai.keeper.platforms.platform import ACCESS_TOKEN, refresh_kind_of
from tests.keeper.component import (
    ENTRANCE,
    MERCHANT,
    MINI,
    NEXT,
    PROVIDER,
    Provided,
    confirm,
    provided,
)


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Provided]:
    async with provided(tmp_path) as one:
        yield one


async def test_the_ticket_brings_the_platforms_own_token(made: Provided) -> None:
    answer = await made.harness.get(f"/v1/tokens/wechat_component/{PROVIDER}")
    assert answer.status_code == 200, answer.json
    assert 7190 <= answer.json["expires_in"] <= 7200
    assert await made.harness.upstream.lives(answer.json["value"])


async def test_a_merchants_account_is_one_like_any_other(made: Provided) -> None:
    await made.authorise()
    account = await made.adopted()
    assert account.via is not None
    assert (account.via.account, account.via.rights) == (PROVIDER, (1, 2, 3, 4, 7, 11, 15))
    token = await made.token()
    assert await made.harness.upstream.lives(token)
    ticket = await made.harness.get(f"/v1/tokens/wechat/{MERCHANT}", kind="jsapi_ticket")
    assert ticket.status_code == 200
    page = {"wx_app_id": MERCHANT, "url": "https://shop.example/"}
    assert (await made.harness.post("/JsSDK/getJsApiSign", page)).json["code"] == 0


async def test_codes_of_a_merchants_users_are_exchanged_with_the_platforms_token(made: Provided) -> None:
    for merchant in (MERCHANT, MINI):
        await made.authorise(merchant)
        await made.adopted(merchant)
    code = await made.harness.upstream.code(MERCHANT)
    answer = await made.harness.post(
        "/AccessToken/getOauthAccessToken", {"wx_app_id": MERCHANT, "code": code["code"]}
    )
    assert answer.json["data"]["openid"] == code["openid"], answer.json
    mini = await made.harness.upstream.code(MINI)
    session = await made.harness.get("/xcx/jscode2session", appid=MINI, code=mini["code"])
    assert session.json["data"]["openid"] == mini["openid"], session.json


async def test_renewals_go_on_with_refresh_tokens_that_change_each_time(made: Provided) -> None:
    await made.authorise()
    account = await made.adopted()
    key = made.harness.keeper.app_of(account).key(refresh_kind_of(ACCESS_TOKEN))
    seen = set()
    for _ in range(4):
        held = await made.harness.keeper.store.read_credential(key)
        assert held is not None
        assert held.current is not None
        seen.add(held.current.value)
        await made.harness.pass_time(6400, 100)
        assert await made.harness.upstream.lives(await made.token())
    assert len(seen) == 4


async def test_a_merchant_authorises_on_the_platforms_page(made: Provided) -> None:
    page, cookie = await made.visit(next=NEXT)
    back = urlsplit(await confirm(made.harness.upstream._session, page))
    assert back.path == f"{ENTRANCE}/return"
    answer = await made.harness.get(f"{back.path}?{back.query}", headers={"cookie": cookie})
    assert answer.status_code == 303, answer.text
    location = urlsplit(answer.headers["location"])
    query = dict(parse_qsl(location.query))
    assert location.netloc == "app.example"
    assert query.pop("from") == "lingpai"
    taken = f"/v1/authorizations/wechat_component/{PROVIDER}"
    first = await made.harness.post(taken, query)
    assert first.json == {"account": f"wechat/{MERCHANT}", "platform": "wechat", "id": MERCHANT}
    assert (await made.harness.post(taken, query)).json["error"] == "invalid_parameter"
    assert await made.harness.upstream.lives(await made.token())
