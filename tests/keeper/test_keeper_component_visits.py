"""Merchants that come back: each visit has one code, and strangers' codes cost the platform next to nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lingpai.keeper.third_parties import authorizing
from tests.helpers.direct import Result
from tests.keeper.component import ENTRANCE, LIST, MERCHANT, NEXT, PROVIDER, QUERY_AUTH, Provided, provided

BACK = f"{ENTRANCE}/return"
WRONG = "queryauthcode@@@wrong"


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Provided]:
    async with provided(tmp_path) as one:
        await one.harness.get(f"/v1/tokens/wechat_component/{PROVIDER}")
        yield one


async def visit(made: Provided, **query: str) -> tuple[str, str]:
    """State and cookie of a merchant that begins."""
    page, cookie = await made.visit(**query)
    back = parse_qs(urlsplit(page).query)["redirect_uri"][0]
    return parse_qs(urlsplit(back).query)["state"][0], cookie


async def back(made: Provided, code: str, state: str, cookie: str = "", peer: str = "192.0.2.1") -> Result:
    params, headers = {"auth_code": code, "state": state}, {"cookie": cookie} if cookie else {}
    return await made.harness.client.ask("GET", BACK, params=params, headers=headers, peer=peer)


async def test_a_code_without_a_visit_costs_nothing(made: Provided) -> None:
    state, _ = await visit(made)
    code = await made.authorise("wx5a3b1e0000000001")
    await made.adopted()
    before = await made.harness.upstream.calls(QUERY_AUTH)
    for each in ("", "00" * 33, "\u00e9", state[:-2] + ("00" if state[-2:] != "00" else "11")):
        assert (await back(made, WRONG, each)).status_code == 400
        assert (await back(made, code, each)).status_code == 400
    made.harness.clock.advance(authorizing.LONGEST_VISIT + 1)
    assert (await back(made, WRONG, state)).status_code == 400
    assert await made.harness.upstream.calls(QUERY_AUTH) == before


async def test_a_visit_has_one_code_which_may_come_twice(made: Provided) -> None:
    state, _ = await visit(made)
    assert {(await back(made, WRONG, state)).status_code for _ in range(3)} == {424}
    assert (await back(made, f"{WRONG}2", state)).status_code == 400
    assert await made.harness.upstream.calls(QUERY_AUTH) == 1


async def test_wrong_codes_do_not_ask_for_the_list_of_merchants_each_time(made: Provided) -> None:
    await made.harness.upstream.switch(PROVIDER, callback="")
    await made.authorise()  # whose push is lost
    before = await made.harness.upstream.calls(LIST)
    for number in range(3):
        state, cookie = await visit(made, next=NEXT)
        answer = await back(made, f"{WRONG}{number}", state, cookie)
        assert answer.status_code == 424
        assert MERCHANT not in answer.text  # found now, but nobody says that it is this visit's
    assert await made.harness.upstream.calls(LIST) == before + 1
    assert await made.account() is not None


@pytest.mark.parametrize("limit", ["CODES_OF_A_NETWORK", "MOST_FAILED_VISITS"])
async def test_wrong_codes_end_at_a_limit(
    made: Provided, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(authorizing, limit, 2)
    statuses = []
    for number in range(4):
        state, _ = await visit(made)
        statuses.append((await back(made, f"{WRONG}{number}", state)).status_code)
    assert statuses == [424, 424, 503, 503]
    assert await made.harness.upstream.calls(QUERY_AUTH) == 2
    state, _ = await visit(made)
    elsewhere = await back(made, f"{WRONG}9", state, peer="198.51.100.1")
    assert elsewhere.status_code == (424 if limit == "CODES_OF_A_NETWORK" else 503)


@pytest.mark.parametrize(
    "cookie", ["lingpai_visit=\u00e9", "{0}; lingpai_visit=ff", "lingpai_visit=ff; {0}", ""]
)
async def test_a_cookie_that_is_none_leads_nowhere(made: Provided, cookie: str) -> None:
    state, own = await visit(made, next=NEXT)
    answer = await back(made, await made.authorise(), state, cookie.format(own))
    assert (answer.status_code, MERCHANT in answer.text) == (200, True)


async def test_a_preview_of_the_return_brings_nothing(made: Provided) -> None:
    state, _ = await visit(made)
    params = {"auth_code": WRONG, "state": state}
    assert (await made.harness.client.ask("HEAD", BACK, params=params)).status_code == 200
    assert await made.harness.upstream.calls(QUERY_AUTH) == 0
