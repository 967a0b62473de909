"""Realms of every protocol whose users log in at a shop's own site, and the shop, in a few lines of its own."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from lingpai.core.clock import Clock
from lingpai.core.issuer_records import App
from lingpai.core.keyring import KeyRing
from lingpai.edge.app import create_app
from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, Serving
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.delegation.keys import rotate
from lingpai.issuer.dialects.yzb import SHAPE
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.realms import Realm, mount, open_issuer
from tests.helpers.passwords import CHEAP
from tests.issuer.engines import ENGINES
from tests.issuer.pages.harness import REDIRECT, SECRET, Browser, Seen

if TYPE_CHECKING:
    from lingpai.core.wire import Route, Shape

LOGIN = "https://shop.example/login?from=lingpai"
PREFIXES = {"mall": "/mall", "yzb": "/yzb", "yilianyun": "/yilianyun", "oidc": "/oidc", "twin": "/twin"}
"""Realms by name; each but the twin has the name of its protocol."""


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(key: str, head: Mapping[str, Any], claims: Mapping[str, Any] | str) -> str:
    """A token in compact form, by hand, so that the service's library does not judge itself."""
    body = claims if isinstance(claims, str) else json.dumps(claims)
    text = f"{b64(json.dumps(head).encode())}.{b64(body.encode())}"
    return f"{text}.{b64(hmac.new(bytes.fromhex(key), text.encode(), hashlib.sha256).digest())}"


@dataclass
class Shop:
    """The site of one realm: reads requests, writes answers."""

    issuer: Issuer
    url: str
    key: str
    clock: Clock

    def read(self, location: str) -> dict[str, Any]:
        """The request in the address that a browser is sent to, with its signature checked."""
        assert location.startswith(LOGIN + "&login_request=")
        token = parse_qs(urlsplit(location).query)["login_request"][0]
        head, body, given = token.split(".")
        wanted = hmac.new(bytes.fromhex(self.key), f"{head}.{body}".encode(), hashlib.sha256).digest()
        assert unb64(given) == wanted
        assert json.loads(unb64(head)) == {"alg": "HS256", "typ": "lingpai-login-request+jwt"}
        claims: dict[str, Any] = json.loads(unb64(body))
        assert claims["iss"] == self.url
        return claims

    def claims(self, challenge: str, sub: str | None = "7", **over: Any) -> dict[str, Any]:
        now = int(self.clock.now())
        given = {"aud": self.url, "jti": challenge, "sub": sub, "iat": now, "exp": now + 60, **over}
        return {name: value for name, value in given.items() if value is not None}

    def answer(self, challenge: str, sub: str | None = "7", **over: Any) -> str:
        """The path that the site sends the browser back to."""
        token = sign(
            self.key, {"alg": "HS256", "typ": "lingpai-login+jwt"}, self.claims(challenge, sub, **over)
        )
        return self.back(token)

    def back(self, token: str) -> str:
        return f"{urlsplit(self.url).path}/login/return?" + urlencode({"login": token})


@dataclass
class Mall:
    """What is served: the realms and their shops, all on one port."""

    url: str
    shops: dict[str, Shop]

    def authorize(self, name: str = "mall", **over: str) -> str:
        """The authorization endpoint of a realm, with a valid request."""
        paths = {"mall": "/v1/oauth2/authorize", "twin": "/v1/oauth2/authorize", "oidc": "/authorize"}
        given = {"response_type": "code", "client_id": "app", "redirect_uri": REDIRECT, "state": "st"}
        if name == "oidc":
            given |= {"scope": "openid", "code_challenge": "A" * 43, "code_challenge_method": "S256"}
        return PREFIXES[name] + paths.get(name, "/oauth/authorize") + "?" + urlencode(given | over)

    async def begin(self, browser: Browser, path: str, name: str = "mall") -> dict[str, Any]:
        """Go from an address here to the site; what it is asked."""
        seen = await browser.follow(path)
        assert seen.status == 303, seen.text
        return self.shops[name].read(seen.location)

    async def walk(
        self, browser: Browser, path: str, sub: str | None = "7", name: str = "mall", **over: Any
    ) -> Seen:
        """Go from an address here to the site, log in there, and come back."""
        asked = await self.begin(browser, path, name)
        return await browser.follow(self.shops[name].answer(asked["jti"], sub, **over))


@contextlib.asynccontextmanager
async def mall_of(
    home: Path, clock: Clock, engine: str = "sqlite", *, login: str = LOGIN
) -> AsyncIterator[Mall]:
    """All realms on a free port, in this loop."""
    ring = KeyRing.ephemeral()
    store = await ENGINES[engine](home, ring, clock)
    passwords = Passwords(CHEAP)
    try:
        with bind("127.0.0.1", 0) as bound:
            url = url_of(bound)
            shops: dict[str, Shop] = {}
            routes: list[Route] = []
            fallback: list[tuple[str, Shape]] = [("", SHAPE)]
            for name, prefix in PREFIXES.items():
                dialect = "mall" if name == "twin" else name
                realm = Realm(name=name, dialect=dialect, prefix=prefix, login=login)
                issuer = await open_issuer(realm, store, ring, clock, passwords)
                mounted = mount(realm, issuer, url)
                routes += mounted.routes
                fallback += mounted.fallback
                key = (await rotate(issuer)).key
                shops[name] = Shop(issuer, f"{url}{prefix}/user/{name}", key, clock)
                app = App(realm=name, app_id="app", name="花间小铺", redirect_uris=(REDIRECT,))
                await admin.declare_app(issuer, app, SECRET)
            server = Serving([Listener(create_app(tuple(routes), tuple(fallback)), [bound])])
            ready = asyncio.Event()
            running = asyncio.create_task(server.run(ready.set))
            try:
                await ready.wait()
                yield Mall(url, shops)
            finally:
                server.stop()
                await running
    finally:
        await store.close()
