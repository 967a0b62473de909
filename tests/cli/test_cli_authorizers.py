"""`lingpai authorizer`: merchants that authorised, and the links by which they begin."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lingpai.core.records import Account
from lingpai.core.third_parties import Via
from lingpai.service import open_keeper
from lingpai.settings import load_settings
from tests.cli.conftest import Cli
from tests.keeper.component import NEXT, PROVIDER, provider_account

PLATFORM = f"wechat_component/{PROVIDER}"
SINCE = 1_700_000_000.0
SHOP = Account(
    platform="wechat",
    account="wx00000000000000aa",
    secret="made-for-the-merchant",
    source="merchant",
    via=Via(platform="wechat_component", account=PROVIDER, rights=(1, 7), since=SINCE, name="小店"),
)
OWN = Account(platform="wechat", account="wx00000000000000bb", secret="secret-of-our-own")


@pytest.fixture
async def known(cli: Cli) -> Cli:
    async with open_keeper(load_settings(data=cli.data)) as keeper:
        for each in (provider_account(), SHOP, OWN):
            await keeper.store.save_account(each)
    return cli


def test_merchants_are_listed_and_others_are_not(known: Cli) -> None:
    (listed,) = known("authorizer", "list").json
    assert listed == {
        "account": "wechat/wx00000000000000aa",
        "name": "小店",
        "via": PLATFORM,
        "authorized_at": "2023-11-14T22:13:20Z",
        "rights": [1, 7],
    }


def test_one_is_shown_with_its_tokens(known: Cli) -> None:
    shown = known("authorizer", "show", "wechat/wx00000000000000aa").json
    assert (shown["name"], shown["via"]) == ("小店", PLATFORM)
    assert [each["kind"] for each in shown["held"]] == ["access_token"]
    assert "made-for-the-merchant" not in known("authorizer", "show", "wechat/wx00000000000000aa").stdout


@pytest.mark.parametrize(
    ("command", "said", "chinese"),
    [
        (("show", "wechat/wx00000000000000bb"), "was not authorised by a merchant", "商户授权"),
        (("forget", "wechat/wx00000000000000bb"), "was not authorised by a merchant", "商户授权"),
        (("recover", "wechat/wx00000000000000bb"), "is not a third-party platform", "第三方平台"),
        (("link", "wechat/wx00000000000000bb"), "is not a third-party platform", "第三方平台"),
        (
            ("link", PLATFORM, "--next", "https://evil.example/"),
            "is not one of the addresses",
            "evil.example",
        ),
        (("show", "wechat/wx00000000000000cc"), "wx00000000000000cc", "wx00000000000000cc"),
    ],
)
def test_what_is_none_is_named(known: Cli, command: tuple[str, ...], said: str, chinese: str) -> None:
    refused = known("authorizer", *command)
    assert refused.code == 1
    assert said in refused.stderr
    refused = known("authorizer", *command, env={"LANG": "zh_CN.UTF-8"})
    assert refused.code == 1
    assert chinese in refused.stderr


def test_a_forgotten_merchant_is_gone(known: Cli) -> None:
    gone = known("authorizer", "forget", "wechat/wx00000000000000aa").json
    assert gone == {"account": "wechat/wx00000000000000aa", "outcome": "removed"}
    assert known("authorizer", "list").json == []


def test_a_platform_that_cannot_be_asked_is_named(known: Cli) -> None:
    """Nothing has been pushed, so there is no token to ask with."""
    refused = known("authorizer", "recover", PLATFORM)
    assert refused.code == 1
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(("given", "query"), [((), {}), (("--next", NEXT), {"next": [NEXT]})])
def test_a_link_leads_to_our_page(known: Cli, given: tuple[str, ...], query: dict[str, Any]) -> None:
    known.env["LINGPAI_PUBLIC_URL"] = "https://lingpai.example"
    made = urlsplit(known("authorizer", "link", PLATFORM, *given, "--expires", "1d", "--once").json["link"])
    assert (made.netloc, made.path) == ("lingpai.example", f"/authorize/{PLATFORM}")
    found = parse_qs(made.query)
    assert found.pop("link")[0].split(".")[1] == "1"
    assert found == query
