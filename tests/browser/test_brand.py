"""The pages of a realm as an operator's own: title, logo, colour, links, words for scopes, in Chromium."""

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser

from tests.browser.test_pages import CONTRAST
from tests.dev.running import Dev, developing

pytestmark = pytest.mark.asyncio(loop_scope="session")
TITLE = {"en": "Flowers <b>&</b> more", "zh": "花间小铺"}
TERMS = {"en": "https://shop.example/terms", "zh": "https://shop.example/zh/terms"}
WORDS = {"en": "see your <i>orders</i>", "zh": "查看你的订单"}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc000"
    "0003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    home = tmp_path_factory.mktemp("brand")
    (home / "data").mkdir()
    (home / "data" / "logo.png").write_bytes(PNG)
    brand = {
        "title": TITLE,
        "logo": "logo.png",
        "colour": "#ffd400",
        "terms": TERMS,
        "privacy": "https://shop.example/privacy",
        "scopes": {"mcp:tools": WORDS},
    }
    with developing(home, LINGPAI_REALMS=json.dumps({"oidc": {"brand": brand}})) as running:
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh")])
async def test_login_and_consent_show_the_operator(
    browser: Browser, dev: Dev, scheme: str, locale: str, language: str
) -> None:
    context = await browser.new_context(
        locale=locale,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": 390, "height": 844},
    )
    context.set_default_timeout(10_000)
    tab, complaints = await context.new_page(), list[str]()
    tab.on("console", lambda message: complaints.append(message.text))
    app, user = dev.described["issuer"]["oidc"], dev.described["users"][0]
    asked = {
        "response_type": "code",
        "client_id": app["public_client_id"],
        "redirect_uri": app["spa_redirect_uri"],
        "scope": "openid mcp:tools",
        "resource": app["resource"],
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    for step in ("login", "consent"):
        if step == "login":
            await tab.goto(f"{app['issuer']}/authorize?{urlencode(asked)}")
        else:
            await tab.fill("[name=login]", user["login"])
            await tab.fill("[name=password]", user["password"])
            await tab.keyboard.press("Enter")
            await tab.wait_for_selector("[value=allow]")
            await tab.evaluate(
                "Promise.all(document.querySelector('.waits').getAnimations().map((each) => each.finished))"
            )
            gets = await tab.locator(".gets li").all_inner_texts()
            assert WORDS[language] in gets, "escaped, and in the reader's language"
        assert (await tab.inner_text(".brand")).strip() == TITLE[language]
        assert TITLE[language] in await tab.title()
        assert await tab.evaluate("document.querySelector('.brand img').naturalWidth") == 1, (
            "the policy permits it"
        )
        links = await tab.locator("footer a").evaluate_all("(all) => all.map((each) => each.href)")
        assert links == [TERMS[language], "https://shop.example/privacy"]
        ratios = [ratio for ratio in await tab.evaluate(CONTRAST) if ratio is not None]
        assert min(ratios) >= 4.5, step
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []
    await context.close()


async def test_the_logo_is_served_as_an_image_and_nothing_else(browser: Browser, dev: Dev) -> None:
    context = await browser.new_context()
    tab = await context.new_page()
    await tab.goto(f"{dev.url}/oidc/user/oidc/login")
    address = await tab.get_attribute(".brand img", "src")
    answer = await context.request.get(f"{dev.url}{address}")
    assert await answer.body() == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    await context.close()
