"""Asks the nodes over HTTP as partners' apps do, and writes down every answer, or that there was none."""

import asyncio
import contextlib
import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import aiohttp

from lingpai.sandbox.options import SAMPLE_MINI
from tests.helpers import leaks
from tests.nodes.history import History, Outcome, Record, Verb, steady
from tests.nodes.material import MSIGN, REDIRECT, SECRET, YZB_APP, terminal_of

Json = dict[str, Any]
Outcomes = tuple[Outcome, tuple[str, ...], str]

PATIENCE = 12.0
"""Seconds: above all of the service's own."""
UNAVAILABLE = 503
BUSY_CODE = "1"
"""The seed's code for what could not be had in time."""


class Dialect(NamedTuple):
    """How one of the nodes' dialects says what came of a request.

    Attributes:
        code: what an answer says, given its HTTP status and its JSON.
        done: what it says of a success.
        refused: what it says when it refuses what was presented.
        later: what it says when it may have happened, besides a 503.
    """

    code: Callable[[int, Json], object]
    done: str
    refused: frozenset[str]
    later: frozenset[str] = frozenset()


MALL = Dialect(
    lambda status, body: body.get("error", status), "200", frozenset({"invalid_grant", "invalid_token"})
)
YZB = Dialect(lambda _, body: body["status"], "2000", frozenset({"4102"}))
YILIANYUN = Dialect(lambda _, body: body["error"], "0", frozenset({"14", "18", "41"}))
SEED = Dialect(lambda _, body: body["code"], "0", frozenset({"40029", "40163"}), frozenset({BUSY_CODE}))


def judge(dialect: Dialect, status: int, headers: Mapping[str, str], body: Json) -> tuple[Outcome, str]:
    """What an answer means, and in which words; a 503 has to say when to come again."""
    code = str(dialect.code(status, body))
    words = f"{status} {code}"
    if status == UNAVAILABLE:
        return (Outcome.MAYBE if "Retry-After" in headers else Outcome.STRANGE), words
    if code == dialect.done:
        return Outcome.DONE, ""
    if code in dialect.refused:
        return Outcome.REFUSED, words
    return (Outcome.MAYBE if code in dialect.later else Outcome.STRANGE), words


class Request(NamedTuple):
    """One request, as it is written down and as it is sent; `pick` finds in an answer what was handed out."""

    verb: Verb
    subject: str
    given: str
    dialect: Dialect
    path: str
    form: Json | None
    pick: Callable[[Json], tuple[str, ...]]


class Client:
    """Asks and writes down. Made by `open_client`.

    Args:
        http: one session for all nodes.
        urls: where the nodes listen now.
        history: where it is written down.
    """

    def __init__(
        self, http: aiohttp.ClientSession, urls: Callable[[], Sequence[str]], history: History
    ) -> None:
        self.history = history
        self._http = http
        self._urls = urls

    def url(self, node: int) -> str:
        """Where a node was found last."""
        return self._urls()[node]

    async def redeem(self, code: str, node: int) -> Record:
        """A code of the mall."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, **SECRET["mall"]}
        return await self._ask(
            node, Request(Verb.REDEEM, code, code, MALL, "/v1/oauth2/accessToken", form, _pair)
        )

    async def refresh(self, code: str, token: str, node: int) -> Record:
        """A refresh token of the mall, which came from a code."""
        form = {"grant_type": "refresh_token", "refresh_token": token, **SECRET["mall"]}
        return await self._ask(
            node, Request(Verb.REFRESH, code, token, MALL, "/v1/oauth2/refreshToken", form, _pair)
        )

    async def check(self, code: str, token: str, node: int) -> Record:
        """An access token of the mall, which came from a code."""
        path = f"/v1/oauth2/getOpenId?access_token={token}"
        return await self._ask(node, Request(Verb.CHECK, code, token, MALL, path, None, _open_id))

    async def issue(self, app: str, node: int) -> Record:
        """An app's own token: of yzb, or of yilianyun."""
        if app == YZB_APP:
            form = {"grant_type": "client_credential", **SECRET["yzb"]}
            return await self._ask(node, Request(Verb.ISSUE, app, "", YZB, "/OAuth2/token", form, _own))
        form = signed(app) | {"grant_type": "client_credentials", "scope": "all"}
        return await self._ask(node, Request(Verb.ISSUE, app, "", YILIANYUN, "/oauth/oauth", form, _own))

    async def check_own(self, app: str, token: str, node: int) -> Record:
        """Whether an app's own token is good for something."""
        if app == YZB_APP:
            form = {"app_id": app, "code": token, "type": "access_token"}
            path, dialect = "/OAuth2/checkCode", YZB
        else:
            form = signed(app) | {"machine_code": terminal_of(app), "msign": MSIGN, "access_token": token}
            path, dialect = "/printer/addprinter", YILIANYUN
        return await self._ask(node, Request(Verb.CHECK_OWN, app, token, dialect, path, form, _nothing))

    async def hold(self, account: str, node: int) -> Record:
        """A held token."""
        path = f"/AccessToken/getXcx?appid={account}"
        return await self._ask(node, Request(Verb.HOLD, account, "", SEED, path, None, _held))

    async def clear(self, account: str, node: int) -> Record:
        """Have the next one fetched anew."""
        path, form = "/AccessToken/clearXcx", {"appid": account}
        return await self._ask(node, Request(Verb.CLEAR, account, "", SEED, path, form, _nothing))

    async def exchange(self, code: str, node: int) -> Record:
        """A mini program's login code."""
        path = f"/xcx/jscode2session?appid={SAMPLE_MINI.appid}&code={code}"
        return await self._ask(
            node, Request(Verb.EXCHANGE, SAMPLE_MINI.appid, code, SEED, path, None, _session)
        )

    async def send(self, url: str, form: Json | str | None) -> tuple[int, Mapping[str, str], Json]:
        """Status, headers and JSON of an answer, with nothing written down."""
        method = "GET" if form is None else "POST"
        async with self._http.request(method, url, data=form) as answer:
            return answer.status, answer.headers, json.loads(await answer.read())

    async def _ask(self, node: int, request: Request) -> Record:
        began = steady()
        answer = await self._answer_of(node, request)
        leaks.saw(request.given, *answer[1])
        return self.history.add(request.verb, request.subject, request.given, node, began, answer)

    async def _answer_of(self, node: int, request: Request) -> Outcomes:
        try:
            status, headers, body = await self.send(self.url(node) + request.path, request.form)
        except aiohttp.ClientConnectorError as error:
            return Outcome.NEVER, (), type(error).__name__
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Outcome.MAYBE, (), type(error).__name__
        outcome, words = judge(request.dialect, status, headers, body)
        return outcome, request.pick(body) if outcome is Outcome.DONE else (), words


@contextlib.asynccontextmanager
async def open_client(urls: Callable[[], Sequence[str]], history: History) -> AsyncIterator[Client]:
    """A client while the block runs."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
        yield Client(http, urls, history)
    await asyncio.sleep(0)  # the loop has closed what the session let go of


def signed(app: str) -> dict[str, str]:
    """The parameters of a call that an app of yilianyun signs now, with a fresh id."""
    timestamp = str(int(time.time()))
    sign = hashlib.md5(f"{app}{timestamp}{SECRET['yilianyun']['secret']}".encode()).hexdigest()
    return {"client_id": app, "sign": sign, "timestamp": timestamp, "id": str(uuid.uuid4())}


def _pair(body: Json) -> tuple[str, ...]:
    return body["access_token"], body["refresh_token"]


def _open_id(body: Json) -> tuple[str, ...]:
    return (body["result"]["open_id"],)


def _own(body: Json) -> tuple[str, ...]:
    return ((body.get("body") or body["data"])["access_token"],)


def _held(body: Json) -> tuple[str, ...]:
    return (body["data"]["access_token"],)


def _session(body: Json) -> tuple[str, ...]:
    return body["data"]["openid"], body["data"]["session_key"]


def _nothing(body: Json) -> tuple[str, ...]:
    del body
    return ()
