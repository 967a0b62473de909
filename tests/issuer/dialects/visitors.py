"""A user with a browser that has no JavaScript: logs in and answers what the pages ask."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urljoin

import aiohttp
from yarl import URL

PASSWORD = "correct horse"
STEPS = 8
"""More than any way through the pages has."""


class Form(HTMLParser):
    """The last form of a page, with the fields of all of them, and where the page goes on to by itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.onward = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found["action"]
        elif tag == "meta" and found.get("http-equiv") == "refresh":
            self.onward = found["content"].removeprefix("0;url=")
        elif tag == "input" and (found.get("type") != "radio" or "checked" in found):
            self.fields[found["name"]] = found.get("value", "")


class Seen(NamedTuple):
    """What the browser was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Visitor:
    http: aiohttp.ClientSession
    login: str

    async def walk(self, url: str, *, allowed: bool = True) -> Seen:
        """Open an address and go on until the pages send the browser to an app, or an error ends it."""
        home = URL(url).origin()
        response = await self._open("GET", url)
        for _ in range(STEPS):
            if response.status in {302, 303}:
                url = urljoin(url, response.headers["Location"])
                if URL(url).origin() != home:
                    break
                response = await self._open("GET", url)
                continue
            form = Form(response.body.decode())
            if form.onward:
                return response._replace(headers={**response.headers, "Location": form.onward})
            if response.status >= 400 or not form.action or URL(urljoin(url, form.action)).origin() != home:
                break
            mine = (
                {"login": self.login, "password": PASSWORD}
                if "password" in form.fields
                else {"answer": "allow" if allowed else "refuse"}
            )
            url = urljoin(url, form.action)
            response = await self._open("POST", url, form.fields | mine)
        return response

    async def look(self, url: str) -> Seen:
        """Open an address and follow redirects while they stay there, without answering anything."""
        return await self._stay(url, await self._open("GET", url))

    async def press(self, page: Seen, url: str, to: str = "", **fields: str) -> Seen:
        """Send a form of a page of the site at `url` with these fields, the last one or the one `to` an address."""
        form = Form(page.body.decode())
        target = urljoin(url, to or form.action)
        return await self._stay(target, await self._open("POST", target, form.fields | fields))

    async def _stay(self, url: str, response: Seen) -> Seen:
        home = URL(url).origin()
        for _ in range(STEPS):
            if response.status not in {302, 303}:
                break
            url = urljoin(url, response.headers["Location"])
            if URL(url).origin() != home:
                break
            response = await self._open("GET", url)
        return response

    async def _open(self, method: str, url: str, form: dict[str, str] | None = None) -> Seen:
        async with self.http.request(
            method,
            URL(url, encoded=True),
            data=form,
            headers={"Accept": "text/html,*/*", "Sec-Fetch-Site": "same-origin" if form else "none"},
            allow_redirects=False,
        ) as response:
            return Seen(response.status, response.headers, await response.read())


@contextlib.asynccontextmanager
async def visiting(login: str) -> AsyncIterator[Visitor]:
    """A visitor with a browser of their own."""
    jar = aiohttp.CookieJar(unsafe=True)  # takes cookies from plain addresses, as browsers do
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        yield Visitor(http, login)
