"""Three realms with their pages, served on a real port, and a browser without JavaScript to walk through them."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from yarl import URL

from lingpai.core.clock import Clock
from lingpai.core.issuer_records import App, Terminal
from lingpai.core.keyring import KeyRing
from lingpai.core.user_records import Profile, User
from lingpai.edge.app import create_app
from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, Serving
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import mall, yilianyun, yzb
from lingpai.issuer.dialects.yzb.bridge import BridgePages
from lingpai.issuer.dialects.yzb.policy import USER_INFO
from lingpai.issuer.pages import Pages, Site
from lingpai.issuer.passwords import Passwords
from tests.helpers.passwords import CHEAP
from tests.issuer.engines import ENGINES

SECRET = "0123456789abcdef0123456789abcdef01234567"
REDIRECT = "https://app.example/callback"
PASSWORD = "correct horse"
EVIL_NAME = "<script>alert(1)</script>"
CHINA = timezone(timedelta(hours=8))
POLICIES = {"mall": mall.POLICY, "yzb": yzb.POLICY, "yilianyun": yilianyun.POLICY}
TERMINAL = "/oauth/authorize?" + urlencode(
    {"response_type": "code", "client_id": "print", "redirect_uri": REDIRECT, "state": "x"}
)
"""Yilianyun's authorization endpoint with the sample app's parameters."""


@dataclass
class Harness:
    url: str
    mall: Issuer
    yzb: Issuer
    terminals: Issuer
    shop: App
    mini: App
    printing: App
    users: dict[str, User]
    terminal: Terminal


@contextlib.asynccontextmanager
async def serving(home: Path, clock: Clock, engine: str = "sqlite") -> AsyncIterator[Harness]:
    """A harness on a free port, in this loop."""
    ring = KeyRing.ephemeral()
    store = await ENGINES[engine](home, ring, clock)
    passwords = Passwords(CHEAP)
    try:
        with bind("127.0.0.1", 0) as bound:
            url = url_of(bound)
            issuers = {
                name: await Issuer.open(name, policy, store, ring, clock, passwords)
                for name, policy in POLICIES.items()
            }
            sites = {name: Site(origin=url, prefix=f"/user/{name}", zone=CHINA) for name in issuers}
            shops = Pages(issuers["mall"], sites["mall"], mall.STYLE)
            printers = Pages(issuers["yilianyun"], sites["yilianyun"], yilianyun.STYLE)
            bridge = BridgePages(issuers["yzb"], sites["yzb"])
            routes = (
                *mall.routes(issuers["mall"], shops),
                *yilianyun.routes(issuers["yilianyun"], printers),
                *yzb.routes(issuers["yzb"]),
                *(route for pages in (shops, printers, bridge) for route in pages.routes()),
            )
            fallback = tuple(entry for pages in (shops, printers, bridge) for entry in pages.fallback())
            app = create_app(routes, (("", yzb.SHAPE), *fallback, *yzb.fallback(), *mall.fallback()))
            server = Serving([Listener(app, [bound])])
            ready = asyncio.Event()
            running = asyncio.create_task(server.run(ready.set))
            try:
                await ready.wait()
                yield await _peopled(url, issuers)
            finally:
                server.stop()
                await running
    finally:
        await store.close()


async def _peopled(url: str, issuers: dict[str, Issuer]) -> Harness:
    apps = (
        App(realm="mall", app_id="shop", name="花间小铺", redirect_uris=(REDIRECT,)),
        App(
            realm="yzb",
            app_id="100001",
            name="天气日历",
            domains=("localhost",),
            permissions=(USER_INFO,),
            owner="acme",
        ),
        App(realm="yilianyun", app_id="print", name="外卖接单助手", redirect_uris=(REDIRECT,)),
    )
    shop, mini, printing = [await admin.declare_app(issuers[app.realm], app, SECRET) for app in apps]
    users = {}
    for realm, issuer in issuers.items():
        profile = Profile(nick="小红", avatar="https://img.example/1.png", sex="2", seller_name="小红的店")
        users[realm] = await admin.add_user(issuer, "hong", PASSWORD, profile)
        await admin.add_user(issuer, "ming", PASSWORD, Profile(nick="小明"))
    terminals, owner = issuers["yilianyun"], users["yilianyun"]
    terminal = await admin.save_terminal(terminals, "4004001", name="前台", owner=owner, msign="0123456789ab")
    await admin.save_terminal(terminals, "4004002", owner=owner, msign="0123456789ac")
    await admin.save_terminal(terminals, "4004009", msign="0123456789ad")
    return Harness(url, issuers["mall"], issuers["yzb"], terminals, shop, mini, printing, users, terminal)


def onward(page: str) -> str:
    """The address that a page goes on to by itself, or ""."""
    found = re.search(r'<meta http-equiv="refresh" content="0;url=([^"]*)">', page)
    return unescape(found[1]) if found else ""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given["action"], {}))
        elif tag == "input" and given.get("type") in {"hidden", "text"} and self.forms:
            self.forms[-1][1][given["name"]] = given["value"]


@dataclass
class Seen:
    """An answer as a browser has it."""

    status: int
    headers: Mapping[str, str]
    cookies: list[str]
    text: str

    @property
    def location(self) -> str:
        """Where the browser goes next: by redirect, or from the page that takes it to an app."""
        return self.headers.get("Location", "") or onward(self.text)

    @property
    def forms(self) -> list[tuple[str, dict[str, str]]]:
        parser = _Forms()
        parser.feed(self.text)
        return parser.forms

    @property
    def answer(self) -> dict[str, str]:
        """The answer in a redirect to an app; each name once."""
        found = parse_qs(urlsplit(self.location).query, keep_blank_values=True, strict_parsing=True)
        assert all(len(values) == 1 for values in found.values()), found
        return {name: values[0] for name, values in found.items()}

    @property
    def csp(self) -> dict[str, str]:
        rules = self.headers["Content-Security-Policy"].split(";")
        return {name: sources for name, _, sources in (rule.strip().partition(" ") for rule in rules)}


class Browser:
    """Cookies, forms and redirects; no JavaScript."""

    def __init__(self, url: str, language: str = "en") -> None:
        self.url = url
        self.headers = {"Accept": "text/html", "Accept-Language": language}
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def close(self) -> None:
        await self._http.close()

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self._http.cookie_jar}

    async def send(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Seen:
        async with self._http.request(
            method,
            URL(self.url + path, encoded=True),
            data=form,
            allow_redirects=False,
            headers=self.headers | dict(headers or {}),
        ) as answer:
            cookies = answer.headers.getall("Set-Cookie", [])
            return Seen(answer.status, answer.headers, cookies, (await answer.read()).decode())

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Seen:
        return await self.send("GET", path, headers=headers)

    async def follow(self, path: str) -> Seen:
        """Get a page, going along with redirects as long as they stay here."""
        seen = await self.get(path)
        while seen.location.startswith("/"):
            seen = await self.get(seen.location)
        return seen

    async def submit(self, seen: Seen, *, form: int = 0, **values: str | None) -> Seen:
        """Send a form of a page; a value of None takes its field out."""
        action, fields = seen.forms[form]
        given = {name: value for name, value in (fields | values).items() if value is not None}
        answered = await self.send("POST", action, given)
        return await self.get(answered.location) if "/onward?" in answered.location else answered

    async def log_in(self, seen: Seen, name: str = "hong", password: str = PASSWORD) -> Seen:
        """Log in on a login page, and go on to where that leads."""
        answered = await self.submit(seen, login=name, password=password)
        return await self.follow(answered.location) if answered.location.startswith("/") else answered


def authorize_path(**over: str | None) -> str:
    """The mall's authorization endpoint with the sample app's parameters."""
    given = {"response_type": "code", "client_id": "shop", "redirect_uri": REDIRECT, "state": "s t&ate"}
    kept = {name: value for name, value in (given | over).items() if value is not None}
    return "/v1/oauth2/authorize?" + urlencode(kept)
