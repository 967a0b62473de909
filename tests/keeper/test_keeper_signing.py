"""Signing pages (docs/spec/platforms.md; threat K93)."""

import io

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.signing import demand_own_page, signature_of
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP
from tests.keeper.harness import HELD, OUTSIDE, TICKET, Harness, data_of

SIGN = "/JsSDK/getJsApiSign"
AGENT_SIGN = f"/v1/signatures/wecom/{SAMPLE_CORP.corpid}"
# Published by the platform.
TICKET_VALUE = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
NONCE = "Wm3WZYTPz0wzccnW"
TIMESTAMP = 1414587457


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        ("http://mp.weixin.qq.com?params=value", "0f9de62fce790f9a083d5c99e95740ceb90c27ed"),
        ("http://mp.weixin.qq.com", "f4d90daf4b3bca3078ab155816175ba34c443a7b"),
        ("http://mp.weixin.qq.com?params=value#top", "0f9de62fce790f9a083d5c99e95740ceb90c27ed"),
        ("http://mp.weixin.qq.com#", "f4d90daf4b3bca3078ab155816175ba34c443a7b"),
        ("http://mp.weixin.qq.com#a#b", "f4d90daf4b3bca3078ab155816175ba34c443a7b"),
    ],
)
def test_published_vectors_and_no_fragment(url: str, signature: str) -> None:
    assert signature_of(TICKET_VALUE, NONCE, TIMESTAMP, url) == signature


DOMAINS = ("shop.example", "*.wild.example", "dev.example:8443")


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/",
        "http://shop.example",
        "https://SHOP.example/cart?a=1#top",
        "https://shop.example:8443/",
        "https://a.wild.example/",
        "https://a.b.wild.example/x?u=https://evil.example/",
        "https://dev.example:8443/",
        "https://shop.example?u=@evil.example",
    ],
)
def test_own_pages(url: str) -> None:
    demand_own_page(url, DOMAINS)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://shop.example.evil.example/",
        "https://evilshop.example/",
        "https://wild.example/",
        "https://evilwild.example/",
        "https://dev.example/",
        "https://dev.example:443/",
        "https://evil.example/?shop.example",
        "https://evil.example/#shop.example",
        "https://evil.example:443#@shop.example/",
        "https://shop.example./",
        "https://[::1]/",
    ],
)
@pytest.mark.threat("K93")
def test_other_peoples_pages(url: str) -> None:
    with pytest.raises(LingpaiError) as refused:
        demand_own_page(url, DOMAINS)
    assert refused.value.kind is Kind.FOREIGN_URL


@pytest.mark.parametrize("domains", [DOMAINS, ()])
@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "//shop.example/",
        "/cart",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://shop.example/",
        "https://",
        "https:///cart",
        "https://@shop.example/",
        "https://shop.example@evil.example/",
        "https://user:pass@shop.example/",
        "https://evil.example\\@shop.example/",
        "https://evil.example\\.shop.example/",
        "https:\\\\shop.example/",
        "https://shop.example/\n",
        "https://shop.example/\r\nx: y",
        "https://shop.exa\tmple/",
        " https://shop.example/",
        "https://shop.example/ x",
        "https://shop.example/\x00",
        "https://shop.example/\u2028",
        "https://shop.example\u3000/",
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://[shop.example/",
        "https://shop.example/" + "a" * 2048,
    ],
)
@pytest.mark.threat("K93")
def test_what_is_no_page(url: str, domains: tuple[str, ...]) -> None:
    with pytest.raises(LingpaiError) as refused:
        demand_own_page(url, domains)
    assert refused.value.kind is Kind.INVALID_PARAMETER
    assert refused.value.parameter == "url"


async def test_a_page_is_signed_with_the_live_ticket(own: Harness) -> None:
    url = "https://shop.example/cart?a=1#top"
    signed = data_of(await own.post(SIGN, {"wx_app_id": SAMPLE_APP.appid, "url": url}))
    ticket = (await own.get(HELD, kind="jsapi_ticket")).json["value"]
    assert signed["signature"] == signature_of(ticket, signed["noncestr"], signed["timestamp"], url)
    assert signed["timestamp"] == int(own.clock.now())
    again = data_of(await own.post(SIGN, {"wx_app_id": SAMPLE_APP.appid, "url": url}))
    assert again["noncestr"] != signed["noncestr"]
    assert await own.upstream.calls(TICKET) == 1


async def test_agent_config_takes_the_agents_ticket(own: Harness) -> None:
    """A server of the field signs `agentConfig` with the wrong ticket (docs/spec/platforms.md)."""
    url = "https://shop.example/"
    held = f"/v1/tokens/wecom/{SAMPLE_CORP.corpid}"
    for kind, ticket_kind in (("config", "corp_ticket"), ("agent_config", "agent_ticket")):
        signed = (await own.post(AGENT_SIGN, {"url": url, "kind": kind, "label": "agent"})).json
        ticket = (await own.get(held, kind=ticket_kind, label="agent")).json["value"]
        assert signed["signature"] == signature_of(ticket, signed["noncestr"], signed["timestamp"], url)
        assert signed["app_id"] == SAMPLE_CORP.corpid


async def test_domains_of_the_account_hold_for_every_way_in(own: Harness) -> None:
    await own.add_app(domains=("shop.example",))
    key = await own.add_caller(rights=("sign",))
    body = {"wx_app_id": SAMPLE_APP.appid, "url": "https://evil.example/"}
    for answer in (
        await own.post(SIGN, body),
        await own.post(SIGN, body, peer=OUTSIDE, bearer=key),
        await own.post(SIGN, {**body, "wx_app_secret": SAMPLE_APP.secret}, peer=OUTSIDE),
    ):
        assert answer.json["code"] == 403
    assert await own.upstream.calls() == 0


@pytest.mark.threat("K93")
async def test_the_ticket_is_in_no_answer_of_a_signature_and_in_no_log(
    own: Harness, log_lines: io.StringIO
) -> None:
    body = {"wx_app_id": SAMPLE_APP.appid, "url": "https://shop.example/"}
    answers = [await own.post(SIGN, body), await own.post(SIGN, {**body, "url": "nonsense"})]
    credential = await own.held("jsapi_ticket")
    assert credential.current is not None
    answers += [await own.get("/health/ready"), await own.get("/health/accounts")]
    answers.append(await own.get("/metrics"))
    for answer in answers:
        assert credential.current.value not in answer.text
        assert credential.current.value not in str(answer.headers)
    own.keeper.audit.flush()
    assert "sign" in log_lines.getvalue()
    assert credential.current.value not in log_lines.getvalue()


async def test_an_address_as_it_is_in_html_is_warned_of(own: Harness, log_lines: io.StringIO) -> None:
    for url, warned in (
        ("https://shop.example/?a=1&b=2", False),
        ("https://shop.example/?a=1&amp;b=2", True),
    ):
        await own.post(SIGN, {"wx_app_id": SAMPLE_APP.appid, "url": url})
        assert ("url_escaped_for_html" in log_lines.getvalue()) is warned
    assert "b=2" not in log_lines.getvalue()
