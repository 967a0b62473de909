"""What the dialects' realms have in common in the tests: calls to a served realm, and what was answered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from yarl import URL

from lingpai.core.issuer_records import App
from lingpai.core.user_records import User
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer

FORM = "application/x-www-form-urlencoded"

Json = dict[str, Any]


@dataclass
class Answered:
    """An answer; each dialect adds how its own answers read."""

    redirects: ClassVar[frozenset[int]] = frozenset({200, 303})

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found

    @property
    def redirected(self) -> dict[str, str]:
        """The pairs of a redirect's query, each of which must be there once."""
        assert self.status in self.redirects, self.body
        pairs = parse_qsl(urlsplit(self.headers["Location"]).query, strict_parsing=True)
        assert len(pairs) == len(dict(pairs))
        return dict(pairs)


AnyAnswer = TypeVar("AnyAnswer", bound=Answered)


@dataclass
class Served(Generic[AnyAnswer]):
    """A realm on a real port; `answer_type` is the dialect's."""

    answer_type: ClassVar[type[Any]]  # a class variable cannot name the type variable

    issuer: Issuer
    url: str
    http: aiohttp.ClientSession
    app: App
    user: User
    prefix: str = field(default="", kw_only=True)

    async def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> AnyAnswer:
        async with self.http.request(
            method,
            URL(self.url + self.prefix + path, encoded=True),
            data=body,
            headers=headers,
            skip_auto_headers=["Content-Type"],
            allow_redirects=False,
        ) as response:
            answer: AnyAnswer = self.answer_type(response.status, response.headers, await response.read())
        return answer

    async def get(
        self, path: str, params: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> AnyAnswer:
        return await self.send("GET", f"{path}?{encoded(params)}", headers=headers)

    async def post(
        self, path: str, params: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> AnyAnswer:
        return await self.send(
            "POST", path, encoded(params).encode(), {"Content-Type": FORM, **(headers or {})}
        )

    async def post_json(self, path: str, value: Any) -> AnyAnswer:
        return await self.send("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})

    async def change(self, app: App, **over: Any) -> App:
        """Change an app as an operator does."""
        return await admin.change_app(self.issuer, app, **over)


def encoded(params: Mapping[str, Any]) -> str:
    """A form or query; None leaves a parameter out, and a tuple repeats it."""
    pairs = [
        (name, str(each))
        for name, value in params.items()
        if value is not None
        for each in (value if isinstance(value, tuple) else (value,))
    ]
    return urlencode(pairs)
