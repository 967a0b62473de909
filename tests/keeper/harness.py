"""What the keeper's tests play on: a keeper over a real store, and the sandbox over real HTTP, in one virtual time."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from lingpai.core.clock import Clock, VirtualClock
from lingpai.core.records import RIGHTS, Account, Caller, Credential, CredentialKey
from lingpai.edge.app import EdgeApp, create_app
from lingpai.edge.metrics import AsyncGauge, Exposition
from lingpai.keeper.app import App
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.renewal import renew_due
from lingpai.keeper.routes import shapes
from lingpai.keeper.status import gauges
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CONTACTS, SAMPLE_CORP, SandboxOptions
from lingpai.service import fallback_shapes, open_keeper, routes_of
from lingpai.settings import Settings, load_settings
from tests.helpers.direct import Direct, Result
from tests.helpers.sandbox import running_sandbox

T = TypeVar("T")
Json = dict[str, Any]

STABLE = "/cgi-bin/stable_token"
CLASSIC = "/cgi-bin/token"
TICKET = "/cgi-bin/ticket/getticket"
GETTOKEN = "/cgi-bin/gettoken"
PROBE = "/cgi-bin/openapi/quota/get"
OAUTH = "/sns/oauth2/access_token"
SESSION = "/sns/jscode2session"
OUTSIDE = "203.0.113.9"
"""An address that no network of ours holds (RFC 5737)."""

XCX = "/AccessToken/getXcx"
CLEAR_XCX = "/AccessToken/clearXcx"
QYAPI = "/AccessToken/getQyapi"
CLEAR_QYAPI = "/AccessToken/clearQyapi"
HELD = f"/v1/tokens/wechat/{SAMPLE_APP.appid}"
APP = {"appid": SAMPLE_APP.appid}
APP_SECRET = {**APP, "secret": SAMPLE_APP.secret}
CORP = {"corpid": SAMPLE_CORP.corpid}
AGENT_SECRET = {**CORP, "secret": SAMPLE_AGENT.secret}


class Upstream:
    """The sandbox, by its controls."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def control(self, method: str, name: str, body: Any = None, **query: str) -> Json:
        async with self._session.request(
            method, f"{self.url}/_sandbox/{name}", json=body, params=query
        ) as response:
            answer: Json = await response.json()
            assert response.status == 200, answer
            return answer

    async def calls(self, path: str | None = None) -> int:
        """How many calls of `path`, or of all, have come."""
        counted = await self.control("GET", "calls", **({"path": path} if path else {}))
        return int(counted["total"])

    async def fault(self, path: str, fault: str, times: int = 1, *, after: bool = False) -> None:
        await self.control("POST", "faults", {"path": path, "fault": fault, "times": times, "after": after})

    async def token(self) -> str:
        """The sample app's stable token, as somebody else gets it."""
        fields = {
            "grant_type": "client_credential",
            "appid": SAMPLE_APP.appid,
            "secret": SAMPLE_APP.secret,
        }
        async with self._session.post(f"{self.url}{STABLE}", json=fields) as response:
            answer: Json = await response.json(content_type=None)
            return str(answer["access_token"])

    async def mend(self) -> None:
        await self.control("DELETE", "faults")

    async def kill(self, token: str) -> None:
        await self.control("POST", "kill", {"access_token": token})

    async def lives(self, token: str) -> bool:
        return bool((await self.control("GET", "valid", access_token=token))["valid"])

    async def code(self, account: str, **wanted: Any) -> Json:
        return await self.control("POST", "codes", {"account": account, **wanted})

    async def switch(self, account: str, **fields: Any) -> None:
        await self.control("PATCH", "accounts", {"account": account, **fields})


@dataclasses.dataclass
class Harness:
    clock: VirtualClock
    keeper: Keeper
    upstream: Upstream
    client: Direct
    app: EdgeApp

    async def get(
        self, path: str, *, peer: str = "127.0.0.1", bearer: str = "", headers: Any = None, **query: Any
    ) -> Result:
        return await self._ask("GET", path, peer, bearer, headers, params=query)

    async def post(
        self,
        path: str,
        json: Any = None,
        *,
        peer: str = "127.0.0.1",
        bearer: str = "",
        body: str = "",
        **query: Any,
    ) -> Result:
        """A POST of `json`, or of `body` as a form."""
        headers = {"content-type": "application/x-www-form-urlencoded"} if body else None
        payload: Json = {"body": body} if body else {"json": json}
        return await self._ask("POST", path, peer, bearer, headers, params=query, **payload)

    async def _ask(
        self, method: str, path: str, peer: str, bearer: str, headers: Any, **payload: Any
    ) -> Result:
        sent = {**({"authorization": f"Bearer {bearer}"} if bearer else {}), **(headers or {})}
        return await self.client.ask(method, path, peer=peer, headers=sent, **payload)

    async def token(self, **query: Any) -> str:
        """The sample app's token, by a compatible route."""
        return str(data_of(await self.get(XCX, **(query or APP)))["access_token"])

    async def add_app(self, mode: str = "", secret: str = SAMPLE_APP.secret, **fields: Any) -> None:
        await self.keeper.store.save_account(
            Account(platform="wechat", account=SAMPLE_APP.appid, secret=secret, mode=mode, **fields)
        )

    async def add_corp(self) -> None:
        """Both sample agents: a corpid with two secrets."""
        for label, agent in (("agent", SAMPLE_AGENT), ("contacts", SAMPLE_CONTACTS)):
            await self.keeper.store.save_account(
                Account(platform="wecom", account=SAMPLE_CORP.corpid, label=label, secret=agent.secret)
            )

    async def add_caller(self, name: str = "shop", **fields: Any) -> str:
        """A caller's key."""
        key = f"lpk_{name}_0123456789abcdef"
        caller = Caller(name=name, **{"rights": RIGHTS, **fields})
        assert await self.keeper.store.add_caller(caller, self.keeper.digest_caller_key(key))
        return key

    def app_of(self, mode: str = "", secret: str = SAMPLE_APP.secret, **fields: Any) -> App:
        """The sample app, as verbs take it."""
        digest = self.keeper.digest_secret(secret)
        return App(
            platform=self.keeper.platforms["wechat"],
            account=SAMPLE_APP.appid,
            secret=secret,
            digest=digest,
            mode=mode,
            **fields,
        )

    def agent_app(self) -> App:
        """The sample agent, as verbs take it."""
        digest = self.keeper.digest_secret(SAMPLE_AGENT.secret)
        return App(
            platform=self.keeper.platforms["wecom"],
            account=SAMPLE_CORP.corpid,
            secret=SAMPLE_AGENT.secret,
            digest=digest,
        )

    async def held(self, kind: str = ACCESS_TOKEN, key: CredentialKey | None = None) -> Credential:
        """What the store holds for the sample app."""
        credential = await self.keeper.store.read_credential(key or self.app_of().key(kind))
        assert credential is not None
        return credential

    async def pass_time(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass, with the background's work done as it comes due."""
        while seconds > 0:
            self.clock.advance(min(step, seconds))
            seconds -= step
            await renew_due(self.keeper)

    async def fall_due(self) -> None:
        """Let time pass until the sample app's token is due to be renewed; nobody renews it."""
        renew = (await self.held()).renew
        assert renew is not None
        self.clock.advance(renew.remaining(self.keeper.clock) + 1)

    async def meanwhile(
        self, doing: Coroutine[Any, Any, T], step: float = 0.25, *, always: bool = False
    ) -> T:
        """What `doing` gives, while virtual time passes: when it sleeps in that, or `always`."""
        task = asyncio.ensure_future(doing)
        while not task.done():
            await asyncio.wait([task], timeout=0.005)
            if always or self.clock._sleepers:
                self.clock.advance(step)
        return await task


def data_of(answer: Result) -> Json:
    """The data of a success in the envelope of the compatible routes."""
    envelope: Json = answer.json
    assert envelope["code"] == 0, envelope
    data: Json = envelope["data"]
    return data


def failure_of(answer: Result) -> tuple[int, str]:
    """Code and message of an error in the envelope of the compatible routes."""
    envelope: Json = answer.json
    assert envelope["code"] != 0, envelope
    assert envelope["data"] == {}
    assert envelope["msg"]
    return envelope["code"], envelope["msg"]


def settings_of(data: Path, url: str, **changes: Any) -> Settings:
    """The settings of a service over the sandbox at `url`."""
    at = {"base_url": url, "pages_url": url}
    return load_settings(data=data, wechat=at, wecom=at, wechat_component=at, wecom_suite=at, **changes)


@contextlib.contextmanager
def upstream_of(clock: Clock, options: SandboxOptions | None = None) -> Iterator[str]:
    """The sandbox's address."""
    with running_sandbox(options, clock=clock) as url:
        yield url


@contextlib.asynccontextmanager
async def staged(
    tmp_path: Path, options: SandboxOptions | None = None, clock: VirtualClock | None = None, **changes: Any
) -> AsyncIterator[Harness]:
    """A harness; `changes` are settings of the service."""
    clock = clock or VirtualClock()
    with upstream_of(clock, options) as url:
        async with (
            aiohttp.ClientSession() as session,
            played(tmp_path, clock, url, session, **changes) as harness,
        ):
            yield harness


@contextlib.asynccontextmanager
async def played(
    tmp_path: Path, clock: VirtualClock, url: str, session: aiohttp.ClientSession, **changes: Any
) -> AsyncIterator[Harness]:
    """A harness over a sandbox that runs; several over one folder are processes of one service."""
    settings = settings_of(tmp_path / "data", url, **changes)
    async with open_keeper(settings, clock) as keeper:
        exposition = Exposition()
        for gauge in gauges(keeper):
            exposition.add(AsyncGauge(*gauge))
        routes = (*routes_of(keeper), exposition.route(shapes.GENERIC))
        app = create_app(routes, fallback_shapes(), settings.edge_options())
        yield Harness(clock, keeper, Upstream(url, session), Direct(app), app)
