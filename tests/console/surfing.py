"""A browser without a screen: cookies, forms and links of the console."""

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from typing_extensions import override

from lingpai.console.sessions import make_link
from lingpai.core.audit import Actor
from lingpai.core.clock import VirtualClock
from lingpai.keeper.keeper import Keeper
from lingpai.operating.keys import add_key
from lingpai.settings import Settings
from tests.helpers.direct import HOST, Direct, Result

ANN = Actor("cli", "ann@host")
ORIGIN = f"http://{HOST}"
Fields = dict[str, Any]


class _Forms(HTMLParser):
    """The forms of a page: where they go, and what they say when nothing is typed."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, Fields] = {}
        self._open: Fields = {}
        self._text = ""
        self._select = ""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = self.forms.setdefault(given["action"], {})
        if tag == "input" and given.get("name"):
            if given.get("type") == "checkbox":
                chosen = self._open.setdefault(given["name"], [])
                if "checked" in given:
                    chosen.append(given["value"])
            else:
                self._open[given["name"]] = given.get("value", "")
        if tag == "textarea":
            self._text = given["name"]
            self._open[self._text] = ""
        if tag == "select":
            self._select = given["name"]
            self._open[self._select] = ""

    @override
    def handle_data(self, data: str) -> None:
        if self._text:
            self._open[self._text] += data

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in {"textarea", "select"}:
            self._text = self._select = ""


def forms_of(page: Result) -> dict[str, Fields]:
    parser = _Forms()
    parser.feed(page.text)
    return parser.forms


def text_of(page: Result) -> str:
    """What a person reads, roughly."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


@dataclass
class Surfer:
    """A browser with cookies of its own."""

    direct: Direct
    language: str = "en"
    cookies: dict[str, str] = field(default_factory=dict)
    peer: str = "127.0.0.1"

    async def ask(self, method: str, path: str, body: Fields | None = None, **headers: str) -> Result:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("accept-language", self.language)
        named.setdefault("accept", "text/html")
        if self.cookies:
            named["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        content = None
        if body is not None:
            content = urlencode(body, doseq=True)
            named["content-type"] = "application/x-www-form-urlencoded"
            named.setdefault("origin", ORIGIN)
            named.setdefault("sec-fetch-site", "same-origin")
        answer = await self.direct.ask(method, path, peer=self.peer, headers=named, body=content)
        for cookie in answer.headers.get_all("set-cookie") or ():
            pair, *attributes = cookie.split("; ")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    async def open(self, path: str = "", **headers: str) -> Result:
        return await self.ask("GET", "/console" + path, None, **headers)

    async def page(self, path: str = "", **headers: str) -> Result:
        answer = await self.open(path, **headers)
        assert answer.status_code == 200, answer.text
        return answer

    async def send(self, page: Result, action: str, typed: Fields | None = None, **headers: str) -> Result:
        """Fill in and send a form of a page."""
        path = "/console" + action
        return await self.ask("POST", path, forms_of(page)[path] | (typed or {}), **headers)

    async def fill_in(self, path: str, typed: Fields | None = None) -> Result:
        """Open the page of an operation, fill in its form and send it."""
        return await self.send(await self.page(path), path.partition("?")[0], typed)

    async def sign_in(self, secret: str) -> Result:
        return await self.send(await self.page(), "/sign-in", {"secret": secret})


@dataclass
class Keeping:
    """A store with operators."""

    keeper: Keeper
    settings: Settings
    actor = ANN

    async def link(self, role: str = "owner") -> str:
        return await make_link(self.keeper.by(ANN), ANN.name, role)

    async def key(self, role: str, **options: Any) -> tuple[str, str]:
        """The name and the text of a new admin key."""
        name = f"key-{len(await self.keeper.store.list_admin_keys())}"
        _, text = await add_key(self.keeper.by(ANN), name, role, **options)
        return name, text

    async def trail(self) -> list[tuple[str, str, str]]:
        """Kind of the actor, action and target of every row of the audit trail, oldest first."""
        rows = await self.keeper.store.read_audit(0, 1000)
        return [(row.actor_kind, row.action, row.target) for row in rows]


@dataclass
class Desk(Keeping):
    """A console in this process."""

    direct: Direct
    clock: VirtualClock

    def surfer(self, language: str = "en") -> Surfer:
        return Surfer(self.direct, language)

    async def signed_in(self, role: str = "owner", language: str = "en") -> Surfer:
        surfer = self.surfer(language)
        assert (await surfer.sign_in(await self.link(role))).status_code == 303
        return surfer
