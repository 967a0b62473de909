"""Logins of two environments through the relay and the sandbox's pages, in real Chromium."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urljoin

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext

from lingpai.core.relays import Environment
from lingpai.development import load_samples
from lingpai.service import open_keeper
from lingpai.settings import Settings
from tests.clients.stack import Stack, fetch, running_stack

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Site(NamedTuple):
    """An environment's web site: where logins go back to, and what came there."""

    name: str
    back: str
    came: list[dict[str, str]]


@contextlib.asynccontextmanager
async def site(name: str) -> AsyncIterator[Site]:
    came = list[dict[str, str]]()

    async def back(request: web.Request) -> web.Response:
        came.append(dict(request.query))
        return web.Response(text=f"<title>{name}</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/back", back)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    yield Site(name, f"http://127.0.0.1:{runner.addresses[0][1]}/back", came)
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def sites() -> AsyncIterator[tuple[Site, Site]]:
    async with site("dev") as dev, site("prod") as prod:
        yield dev, prod


@pytest_asyncio.fixture(loop_scope="session")
async def stack(
    tmp_path: Path, sites: tuple[Site, Site], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stack]:
    monkeypatch.chdir(tmp_path)

    async def add(settings: Settings) -> None:
        async with open_keeper(settings) as keeper:
            app = f"wechat/{load_samples(settings.data / 'samples.json').appid}"
            for each in sites:
                made = Environment(name=each.name, app=app, redirect_uris=(each.back,))
                assert await keeper.store.replace_environment(None, made)

    with contextlib.ExitStack() as running:
        yield await asyncio.to_thread(running.enter_context, running_stack(tmp_path / "data", add))
        await asyncio.to_thread(running.pop_all().close)


def begins(stack: Stack, site: Site, scope: str, state: str, *, exchange: bool = False) -> str:
    app = f"wechat/{stack.samples.appid}"
    query = f"redirect_uri={quote(site.back, safe='')}&scope={scope}&state={state}{'&exchange=1' if exchange else ''}"
    return f"{stack.url}/relay/{app}/authorize?{query}"


async def test_two_environments_log_in_through_one_domain(
    stack: Stack, sites: tuple[Site, Site], context: BrowserContext
) -> None:
    dev, prod = sites
    of_dev, of_prod = await context.new_page(), await context.new_page()
    # Both are at the platform's page at once, in one browser.
    await of_dev.goto(begins(stack, dev, "snsapi_login", "of-dev"))
    await of_prod.goto(begins(stack, prod, "snsapi_login", "of-prod", exchange=True))
    assert of_dev.url.startswith(f"{stack.sandbox}/connect/qrconnect?")
    assert await of_dev.text_content("h1") == "Log in by WeChat"
    await of_prod.click("text=bob")
    await of_prod.wait_for_url(f"{prod.back}*")
    await of_dev.click("text=alice")
    await of_dev.wait_for_url(f"{dev.back}*")
    assert [each["state"] for each in dev.came] == ["of-dev"]
    assert [each["state"] for each in prod.came] == ["of-prod"]
    assert prod.came[0]["code"].startswith("lpx_")
    users = []
    for each in (dev, prod):
        wanted = {"kind": "oauth", "code": each.came[0]["code"], "secret": stack.samples.caller_key}
        path = f"{stack.url}/v1/exchanges/wechat/{stack.samples.appid}"
        users.append((await asyncio.to_thread(fetch, path, wanted))["openid"])
    assert len(set(users)) == 2


async def test_a_silent_login_and_one_that_is_cancelled(
    stack: Stack, sites: tuple[Site, Site], context: BrowserContext
) -> None:
    dev, _ = sites
    tab = await context.new_page()
    await tab.goto(begins(stack, dev, "snsapi_base", "silent"))
    assert await tab.title() == "dev"
    await tab.goto(begins(stack, dev, "snsapi_login", "cancelled"))
    await tab.click("text=Cancel")
    await tab.wait_for_url(f"{dev.back}*")
    assert [sorted(each) for each in dev.came] == [["code", "state"], ["state"]]


async def test_another_browser_does_not_finish_it(
    browser: Browser, stack: Stack, sites: tuple[Site, Site], context: BrowserContext
) -> None:
    """Somebody who makes a victim open the address that the platform sends them to logs nobody in."""
    dev, _ = sites
    attacker, victim = await context.new_page(), await (await browser.new_context(locale="zh-CN")).new_page()
    await attacker.goto(begins(stack, dev, "snsapi_login", "mine"))
    link = urljoin(attacker.url, await attacker.get_attribute("text=alice", "href") or "")
    async with aiohttp.ClientSession() as session, session.get(link, allow_redirects=False) as sent:
        answer = await victim.goto(sent.headers["location"])
    assert answer is not None
    assert answer.status == 403
    assert await victim.text_content("h1") == "无法登录"
    assert dev.came == []
    await victim.context.close()
