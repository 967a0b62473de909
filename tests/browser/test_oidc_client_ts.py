"""oidc-client-ts, unmodified, in a page of another origin: PKCE, DPoP, CORS, renewal by refresh tokens."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.async_api import BrowserContext
from playwright.async_api import Page as Tab

from tests.dev.running import Dev, developing
from tests.prepare import NODE

pytestmark = pytest.mark.asyncio(loop_scope="session")
FILES = {
    "/oidc/spa": Path(__file__).parent / "spa" / "index.html",
    "/app.js": Path(__file__).parent / "spa" / "app.js",
    "/oidc-client-ts.js": NODE / "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.js",
}


class _Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = FILES[self.path.partition("?")[0]].read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path.startswith("/oidc/") else "text/javascript")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_words: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with developing(tmp_path_factory.mktemp("spa")) as running:
        yield running


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the page is: the issuer's host, another port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Files) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, 0.05))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class App(NamedTuple):
    """The page of the app in a tab."""

    tab: Tab
    dev: Dev
    bound: bool

    async def do(self, step: str) -> Any:
        issuer = self.dev.described["issuer"]["oidc"]
        given = [step, issuer["issuer"], issuer["public_client_id"], self.bound]
        return await self.tab.evaluate("(given) => window.run(...given)", given)

    async def sign_in(self, origin: str) -> Any:
        await self.tab.goto(f"{origin}/oidc/spa")
        await self.do("begin")
        user = self.dev.described["users"][0]
        await self.tab.fill("[name=login]", user["login"])
        await self.tab.fill("[name=password]", user["password"])
        await self.tab.keyboard.press("Enter")
        await self.tab.click("[value=allow]")
        await self.tab.wait_for_url(f"{origin}/oidc/spa?*")
        return await self.do("finish")


async def test_a_page_signs_in_renews_and_revokes(context: BrowserContext, dev: Dev, origin: str) -> None:
    app = App(await context.new_page(), dev, bound=False)
    found = await app.sign_in(origin)
    assert (found["kind"], found["profile"]["name"]) == ("Bearer", "小明"), "userinfo is read by CORS"
    assert found["scope"] == "openid profile offline_access"
    renewed = await app.do("renew")
    assert renewed["profile"]["sub"] == found["profile"]["sub"]
    assert renewed["refresh"] != found["refresh"], "those of public clients rotate"
    assert await app.do("revoke") == "invalid_grant"


async def test_a_page_is_bound_to_its_key(context: BrowserContext, dev: Dev, origin: str) -> None:
    app = App(await context.new_page(), dev, bound=True)
    found = await app.sign_in(origin)
    assert found["kind"] == "DPoP"
    assert (await app.do("userinfo"))["sub"] == found["profile"]["sub"]
    renewed = await app.do("renew")
    assert renewed["token"] != found["token"]
    stolen = await app.do("stolen")
    assert stolen["status"] == 401
    assert stolen["challenge"].startswith("DPoP "), "pages may read the challenge"
    assert await app.do("errors") == []
