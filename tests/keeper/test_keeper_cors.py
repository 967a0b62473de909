"""Scripts of pages that have themselves signed (CORS): the account lists their origins."""

from typing import Any

import pytest

from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP
from tests.helpers.direct import Result
from tests.keeper.harness import OUTSIDE, Harness

SHOP = "https://shop.example.com"
PAGE = f"{SHOP}/cart?item=1"
GENERIC = f"/v1/signatures/wechat/{SAMPLE_APP.appid}"
COMPATIBLE = "/JsSDK/getJsApiSign"
PATHS = pytest.mark.parametrize("path", [GENERIC, COMPATIBLE])


@pytest.fixture
async def listing(own: Harness) -> Harness:
    """The sample app lists the shop's origin."""
    await own.add_app(origins=(SHOP, "http://intranet:8080"))
    return own


async def ask(
    harness: Harness, path: str, url: str = PAGE, origin: str = SHOP, method: str = "POST", **more: Any
) -> Result:
    body = {"wx_app_id": SAMPLE_APP.appid, "url": url} if path == COMPATIBLE else {"url": url}
    sent = {"origin": origin, **more.pop("headers", {})}
    if method == "OPTIONS":
        return await harness.client.ask(method, path, peer=OUTSIDE, headers=sent)
    return await harness.client.ask(method, path, peer=OUTSIDE, headers=sent, json={**body, **more})


def signature_in(answer: Result) -> str:
    found = answer.json.get("data", answer.json)
    return str(found.get("signature", ""))


@PATHS
async def test_a_script_of_a_listed_origin_gets_a_signature_that_it_may_read(
    listing: Harness, path: str
) -> None:
    answer = await ask(listing, path)
    assert answer.status_code == 200
    assert len(signature_in(answer)) == 40
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    intranet = await ask(listing, path, "http://intranet:8080/x", "http://intranet:8080")
    assert signature_in(intranet)


@PATHS
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "http://shop.example.com",
        "https://shop.example.com:8443",
        "https://shop.example.com.evil.example",
        "https://SHOP.example.com",
        "https://shop.example.com/",
        "null",
        "",
    ],
)
async def test_no_other_origin_gets_one(listing: Harness, path: str, origin: str) -> None:
    answer = await ask(listing, path, origin=origin)
    assert not signature_in(answer)
    assert "access-control-allow-origin" not in answer.headers
    inside = await listing.client.ask(
        "POST", path, headers={"origin": origin}, json={"wx_app_id": SAMPLE_APP.appid, "url": PAGE}
    )
    assert "access-control-allow-origin" not in inside.headers


@PATHS
@pytest.mark.parametrize(
    "url", ["https://other.example.com/", "http://shop.example.com/", f"{SHOP}:8443/", "//shop.example.com/"]
)
async def test_a_page_of_another_origin_is_not_signed_and_the_reason_can_be_read(
    listing: Harness, path: str, url: str
) -> None:
    answer = await ask(listing, path, url)
    assert not signature_in(answer)
    assert answer.headers["access-control-allow-origin"] == SHOP


async def test_the_domains_of_the_account_count_as_well(own: Harness) -> None:
    await own.add_app(origins=(SHOP,), domains=("www.example.com",))
    answer = await ask(own, GENERIC)
    assert answer.json["error"] == "foreign_url"


@PATHS
async def test_a_key_goes_first_and_a_wrong_one_is_refused_readably(listing: Harness, path: str) -> None:
    good = await listing.add_caller("good", rights=("sign",))
    plain = await listing.add_caller("plain", rights=("token",))
    for key, signed in ((good, True), (plain, False), ("lpk_wrong", False)):
        answer = await ask(
            listing, path, "https://other.example.com/", headers={"authorization": f"Bearer {key}"}
        )
        assert bool(signature_in(answer)) == signed, key
        assert answer.headers["access-control-allow-origin"] == SHOP


@PATHS
async def test_preflights_are_allowed_for_listed_origins(listing: Harness, path: str) -> None:
    allowed = await ask(listing, path, method="OPTIONS")
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == SHOP
    assert allowed.headers["access-control-allow-methods"] == "POST"
    assert "content-type" in allowed.headers["access-control-allow-headers"]
    other = await ask(listing, path, origin="https://evil.example.com", method="OPTIONS")
    assert other.status_code == 204
    assert "access-control-allow-origin" not in other.headers
    await listing.add_app(origins=())
    listing.clock.advance(1)
    gone = await ask(listing, path, method="OPTIONS")
    assert "access-control-allow-origin" not in gone.headers
    assert not signature_in(await ask(listing, path))


async def test_of_several_secrets_the_one_that_lists_the_origin_signs(own: Harness) -> None:
    from lingpai.core.records import Account

    async def list_origin(label: str, secret: str) -> None:
        await own.keeper.store.save_account(
            Account(platform="wecom", account=SAMPLE_CORP.corpid, label=label, secret=secret, origins=(SHOP,))
        )

    path = f"/v1/signatures/wecom/{SAMPLE_CORP.corpid}"
    await list_origin("agent", SAMPLE_AGENT.secret)
    assert signature_in(await ask(own, path))
    await list_origin("third", "another-secret")
    assert (await ask(own, path)).json["error"] == "ambiguous_account"
    assert signature_in(await ask(own, path, label="agent"))
