"""Signed links to the page on which a merchant begins: each leads there for its time, and nothing else does."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from lingpai.keeper.third_parties.links import LONGEST, link_of
from tests.helpers.direct import Result
from tests.keeper.component import ENTRANCE, NEXT, PROVIDER, Provided, provided

LASTING = 3_600.0
PRE_AUTH = "/cgi-bin/component/api_create_preauthcode"


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Provided]:
    async with provided(tmp_path, keeper={"authorize_links": "signed"}) as one:
        await one.harness.get(f"/v1/tokens/wechat_component/{PROVIDER}")
        yield one


def link(
    made: Provided, next_url: str = "", lasting: float = LASTING, *, once: bool = False
) -> dict[str, str]:
    """The parameters of a link."""
    address = urlsplit(link_of(made.harness.keeper, made.provider, next_url, lasting, once=once))
    assert address.path == ENTRANCE
    return dict(parse_qsl(address.query))


async def visit(made: Provided, **query: str) -> Result:
    return await made.harness.get(ENTRANCE, **query)


async def test_a_link_works_until_it_ends(made: Provided) -> None:
    query = link(made, NEXT)
    for _ in range(2):
        assert (await visit(made, **query)).status_code == 200
    made.harness.clock.advance(LASTING - 10)
    assert (await visit(made, **query)).status_code == 200
    made.harness.clock.advance(10)
    assert (await visit(made, **query)).status_code == 403


async def test_a_link_for_once_works_once_also_much_later(made: Provided) -> None:
    query = link(made, lasting=2 * LONGEST, once=True)
    assert (await visit(made, **query)).status_code == 200
    assert (await visit(made, **query)).status_code == 403
    made.harness.clock.advance(LONGEST - 10)
    assert (await visit(made, **query)).status_code == 403


async def test_nobody_enters_without_a_link(made: Provided) -> None:
    assert (await visit(made)).status_code == 403
    assert (await visit(made, next=NEXT)).status_code == 403


@pytest.mark.parametrize(
    "change",
    ["longer", "often", "another address", "no address", "no mac", "nothing", "odd", "another's"],
)
async def test_a_changed_link_is_none(made: Provided, change: str) -> None:
    query = link(made, NEXT, once=True)
    ends_at, once, number, mac = query["link"].split(".")
    match change:
        case "longer":
            query["link"] = f"{int(ends_at) + 1}.{once}.{number}.{mac}"
        case "often":
            query["link"] = f"{ends_at}.0.{number}.{mac}"
        case "another address":
            query["next"] = "https://evil.example/"
        case "no address":
            del query["next"]
        case "no mac":
            query["link"] = f"{ends_at}.{once}.{number}."
        case "nothing":
            query["link"] = "."
        case "odd":
            query["link"] = "\u4e00.\u4e8c.\ud7ff"
        case _:
            other = msgspec.structs.replace(made.provider, account="wx00000000000000ff")
            address = urlsplit(link_of(made.harness.keeper, other, NEXT, LASTING, once=False))
            query = dict(parse_qsl(address.query))
    assert (await visit(made, **query)).status_code == 403


async def test_a_link_for_once_is_not_used_up_by_previews_and_failures(made: Provided) -> None:
    query = link(made, once=True)
    for _ in range(2):
        assert (await made.harness.client.ask("HEAD", ENTRANCE, params=query)).status_code == 200
    await made.harness.upstream.fault(PRE_AUTH, "http500", 9)
    assert (await visit(made, **query)).status_code == 502
    await made.harness.upstream.mend()
    assert (await visit(made, **query)).status_code == 200
    calls = await made.harness.upstream.calls(PRE_AUTH)
    assert (await visit(made, **query)).status_code == 403
    assert (await made.harness.client.ask("HEAD", ENTRANCE, params=query | {"next": NEXT})).status_code == 403
    assert await made.harness.upstream.calls(PRE_AUTH) == calls
