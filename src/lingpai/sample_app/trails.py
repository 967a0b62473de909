"""The steps of the sample, per browser: each request and answer, with secrets masked."""

import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import msgspec

MOST = 200
"""Most browsers with a trail."""
SHOWN = 6
"""Shown characters of a masked value, enough to distinguish values."""
LONG = 1200
"""Characters of an answer that is folded away until somebody opens it."""
MASKED = frozenset(
    {
        "secret",
        "client_secret",
        "access_token",
        "refresh_token",
        "id_token",
        "code",
        "code_verifier",
        "device_code",
        "ticket",
        "sign",
        "signature",
        "Authorization",
    }
)


class Step(msgspec.Struct, frozen=True):
    """One request, and its answer when the sample sent it.

    Attributes:
        title: a description, in both languages.
        request: method and address without query; "" for what the sample did by itself.
        params: the parameters, masked.
        status: of the answer; 0 when the browser sent the request.
        answer: its body, masked.
    """

    title: str
    request: str
    params: tuple[tuple[str, str], ...] = ()
    status: int = 0
    answer: str = ""

    @property
    def folded(self) -> bool:
        """True when its answer is too long to be shown at once."""
        return len(self.answer) > LONG


class Trail:
    """The steps and the tokens of one browser.

    Attributes:
        view: address of the further page that it is of, or "".
        steps: newest last.
        state: the `state` that the next response must have.
        tokens: refresh tokens, by dialect and, of a further page, its name behind a slash.
        notes: what a sign-in has to remember from its beginning to its end.
    """

    def __init__(self, view: str = "") -> None:
        self.view = view
        self.steps: list[Step] = []
        self.state = ""
        self.tokens: dict[str, str] = {}
        self.notes: dict[str, str] = {}

    def add_browser_request(
        self, title: str, method: str, url: str, params: Mapping[str, str] | None = None
    ) -> None:
        """Add a request that the browser makes."""
        given = list((params or {}).items()) or parse_qsl(urlsplit(url).query, keep_blank_values=True)
        self.steps.append(Step(title, f"{method} {url.partition('?')[0]}", masked_pairs(given)))

    def add_finding(self, title: str, value: Any) -> None:
        """Add what the sample found by itself."""
        self.steps.append(Step(title, "", answer=_shown(value)))


class Trails:
    """All trails, by the random name in the browser's cookie; the oldest is dropped."""

    def __init__(self) -> None:
        self._trails: OrderedDict[str, Trail] = OrderedDict()

    def find(self, name: str | None) -> Trail | None:
        """Return the trail of this name."""
        return self._trails.get(name or "")

    def begin(self, view: str = "") -> tuple[str, Trail]:
        """Begin a new trail; return its name and the trail."""
        name, trail = secrets.token_hex(16), Trail(view)
        self._trails[name] = trail
        while len(self._trails) > MOST:
            self._trails.popitem(last=False)
        return name, trail


async def call(
    http: aiohttp.ClientSession,
    trail: Trail,
    title: str,
    method: str,
    url: str,
    params: Mapping[str, str],
    *,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Call the issuer, and add the request and the answer to the trail.

    Returns:
        The answer's JSON.

    Raises:
        aiohttp.ClientError: the issuer cannot be reached, or its answer is not JSON.
    """
    query, form = (params, None) if method == "GET" else (None, params)
    async with http.request(method, url, params=query, data=form, headers=headers) as answer:
        value = await answer.json()
        status = answer.status
    sent = masked_pairs([*(headers or {}).items(), *params.items()])
    trail.steps.append(Step(title, f"{method} {url}", sent, status, _shown(value)))
    return value


def _shown(value: Any) -> str:
    return json.dumps(masked(value), ensure_ascii=False, indent=2)


def masked(value: Any, name: str = "") -> Any:
    """Return a JSON value with secrets masked."""
    if isinstance(value, dict):
        return {key: masked(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [masked(each, name) for each in value]
    return _masked_text(value) if name in MASKED and isinstance(value, str) else value


def masked_pairs(pairs: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return parameters with secrets masked."""
    return tuple((name, _masked_text(value) if name in MASKED else value) for name, value in pairs)


def _masked_text(text: str) -> str:
    return text[:SHOWN] + "…" if len(text) > 2 * SHOWN else "…" * bool(text)
