"""A third party's web app: its page uses the bridge, its back end signs, exchanges codes and reads user info."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from lingpai.issuer.dialects.yzb.signing import signature_of
from tests.issuer.pages.harness import SECRET, Harness

PAGE = """<!doctype html><meta charset="utf-8"><title>weather</title>
<script src="{issuer}/js/yzb-bridge.js"></script>
<button id="code">code</button><button id="access">access</button>
<script>
window.outcomes = [];
const listen = (name) => ({{
  next: (value) => outcomes.push([name, "next", value]),
  cancel: () => outcomes.push([name, "cancel"]),
  error: (error) => outcomes.push([name, "error", error]),
  complete: () => outcomes.push([name, "complete"]),
}});
const signed = {signed};
yzb.ready(() => outcomes.push(["ready"]));
yzb.error((error) => outcomes.push(["yzb.error", error.code]));
document.getElementById("code").onclick = () =>
  yzb.core.requestAuthCode({{ data: {{ app_id: signed.app_id }}, ...listen("code") }});
document.getElementById("access").onclick = () =>
  yzb.core.requestAccess({{
    data: {{ app_id: signed.app_id, access: ["user/get_user_base_info"] }}, ...listen("access"),
  }});
window.configure = (over = {{}}) => yzb.core.config({{ data: {{ ...signed, ...over }}, ...listen("config") }});
</script>"""


@dataclass
class Page:
    """The app's page and back end."""

    origin: str
    harness: Harness
    http: aiohttp.ClientSession
    codes: list[str] = field(default_factory=list)
    """Codes that came to the callback."""
    redirected: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the callback that redirects was asked."""

    @property
    def url(self) -> str:
        return self.origin + "/page/?x=1#top"

    @property
    def callback(self) -> str:
        """A redirect URI of the app."""
        return self.origin + "/callback"

    async def ask(self, path: str, **params: str) -> Any:
        """Call the issuer as the app's back end does; gives `data`."""
        async with self.http.post(self.harness.url + path, data=params) as answer:
            envelope = await answer.json()
        assert envelope["status"] in {"2000", 2000}, envelope
        return envelope["data"]

    async def server_token(self) -> str:
        found: str = (
            await self.ask("/OAuth2/token", app_id="100001", secret=SECRET, grant_type="client_credential")
        )["access_token"]
        return found

    async def sign(self) -> dict[str, Any]:
        """What the page gives to `yzb.core.config`."""
        token = await self.server_token()
        given = await self.ask("/OAuth2/ticket", app_id="100001", access_token=token, type="js_ticket")
        timestamp = str(int(time.time()))
        return {
            "app_id": "100001",
            "timestamp": timestamp,
            "nonce_str": "abc",
            "signature": signature_of(given["ticket"], "abc", timestamp, self.url),
            "js_api_list": ["core.requestAuthCode"],
        }

    async def tokens_of(self, code: str) -> Any:
        """What a code is exchanged for."""
        return await self.ask(
            "/OAuth2/token", app_id="100001", secret=SECRET, grant_type="authorization_code", code=code
        )

    async def user_info(self, code: str) -> Any:
        """Exchange a code, and read whose it is."""
        tokens = await self.tokens_of(code)
        return await self.ask(
            "/UserResource/getUserBaseInfo",
            app_id="100001",
            open_id=tokens["open_id"],
            access_token=await self.server_token(),
        )


@contextlib.asynccontextmanager
async def serving_page(harness: Harness, host: str) -> AsyncIterator[Page]:
    """Serve the page on a free port of its own, under this host name of the loopback."""
    app = web.Application()
    runner = web.AppRunner(app, access_log=None)
    async with aiohttp.ClientSession() as http:
        page = Page("", harness, http)

        async def show(_request: web.Request) -> web.Response:
            signed = json.dumps(await page.sign())
            return web.Response(text=PAGE.format(issuer=harness.url, signed=signed), content_type="text/html")

        async def frame(request: web.Request) -> web.Response:
            framed = f'<iframe id="framed" src="{request.query["src"]}"></iframe>'
            return web.Response(text="<!doctype html>" + framed, content_type="text/html")

        async def receive(request: web.Request) -> web.Response:
            page.codes += request.query.getall("code", [])
            return web.Response(text="welcome back")

        async def send_on(request: web.Request) -> web.Response:
            page.redirected.set()
            return web.Response(status=302, headers={"Location": request.query["to"]})

        async def have_no_icon(_request: web.Request) -> web.Response:
            return web.Response(status=204)

        app.router.add_get("/favicon.ico", have_no_icon)
        app.router.add_get("/callback", receive)
        app.router.add_get("/redirecting", send_on)
        app.router.add_get("/page/", show)
        app.router.add_get("/frame", frame)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            page.origin = f"http://{host}:{runner.addresses[0][1]}"
            yield page
        finally:
            await runner.cleanup()
