"""What every test of strength is fought over: a data folder with accounts, and a sandbox that counts."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import apsw
import msgspec

from lingpai.core.clock import Clock
from lingpai.core.records import Account
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP, SandboxOptions
from lingpai.sandbox.handles import Handle
from lingpai.sandbox.options import SAMPLE_MINI
from lingpai.service import open_keeper
from lingpai.settings import load_settings
from tests.helpers import leaks
from tests.helpers.sandbox import running_sandbox
from tests.strength.services import Json, Service, ask

XCX = f"/AccessToken/getXcx?appid={SAMPLE_APP.appid}"
CLEAR_XCX = f"/AccessToken/clearXcx?appid={SAMPLE_APP.appid}&secret={SAMPLE_APP.secret}"
MINI = f"/AccessToken/getXcx?appid={SAMPLE_MINI.appid}"
HELD = f"/v1/tokens/wechat/{SAMPLE_APP.appid}"
QYAPI = f"/AccessToken/getQyapi?corpid={SAMPLE_CORP.corpid}&secret={SAMPLE_AGENT.secret}"
CLASSIC = "/cgi-bin/token"
STABLE = "/cgi-bin/stable_token"
GETTOKEN = "/cgi-bin/gettoken"

APP = Account(platform="wechat", account=SAMPLE_APP.appid, secret=SAMPLE_APP.secret, mode="stable")
CLASSIC_APP = Account(platform="wechat", account=SAMPLE_APP.appid, secret=SAMPLE_APP.secret, mode="classic")
STABLE_MINI = Account(platform="wechat", account=SAMPLE_MINI.appid, secret=SAMPLE_MINI.secret)
AGENT = Account(platform="wecom", account=SAMPLE_CORP.corpid, label="agent", secret=SAMPLE_AGENT.secret)


@dataclasses.dataclass(frozen=True)
class Harness:
    """A data folder and the sandbox behind it.

    Attributes:
        data: shared by all services.
        upstream: the sandbox's base URL.
        store: where the services' store is, "" for the embedded one.
    """

    data: Path
    upstream: str
    store: str = ""

    @property
    def database(self) -> Path:
        """The embedded store's file."""
        return self.data / "lingpai.db"

    @property
    def state(self) -> Path:
        """The sandbox's own file."""
        return self.data.with_name("sandbox.db")

    def serve(self, *, workers: int = 1, **settings: Any) -> Service:
        """Start a service; see `Service`."""
        return Service(self.data, self.upstream, workers=workers, STORE=self.store, **settings)

    def add(self, *accounts: Account) -> None:
        """Configure accounts, as an operator's command does."""
        asyncio.run(self._add(accounts))

    async def _add(self, accounts: tuple[Account, ...]) -> None:
        at = {"base_url": self.upstream}
        async with open_keeper(
            load_settings(data=self.data, store=self.store, wechat=at, wecom=at)
        ) as keeper:
            for account in accounts:
                await keeper.store.save_account(account)

    def control(self, name: str, body: Json | None = None, method: str | None = None) -> Json:
        """A control of the sandbox."""
        status, found = ask(f"{self.upstream}/_sandbox/{name}", body, method)
        assert status == 200, found
        return found

    def calls(self, *paths: str) -> int:
        """How many upstream calls of these paths came, by default of all."""
        if not paths:
            return int(self.control("calls")["total"])
        return sum(int(self.control(f"calls?path={path}")["total"]) for path in paths)

    def fault(self, fault: str, path: str = "*", times: int = 1, *, after: bool = False) -> None:
        """Have the next calls meet a fault."""
        self.control("faults", {"path": path, "fault": fault, "times": times, "after": after})

    def mend(self) -> None:
        """Take all faults away."""
        self.control("faults", method="DELETE")

    def rest(self, token: str) -> int:
        """Whole seconds that the upstream will still take a token; 0 when it does not take it."""
        found = self.control(f"valid?access_token={token}")
        return int(found["expires_in"]) if found["valid"] else 0

    def lives(self, token: str) -> bool:
        """Whether the upstream takes a token."""
        return bool(self.control(f"valid?access_token={token}")["valid"])

    def newest(self) -> str:
        """The token that the upstream made last, whether or not anybody was given it; "" before the first."""
        with contextlib.closing(apsw.Connection(str(self.state), flags=apsw.SQLITE_OPEN_READONLY)) as shelf:
            rows = shelf.execute("select body from item where drawer = 'tokens'").fetchall()
        made = [msgspec.msgpack.decode(cast("bytes", body), type=Handle) for (body,) in rows]
        return max(made, key=lambda handle: handle.serial).value if made else ""


@contextlib.contextmanager
def open_harness(data: Path, clock: Clock | None = None, store: str = "", **rules: Any) -> Iterator[Harness]:
    """A harness whose sandbox has these rules, with its store there."""
    leaks.saw(SAMPLE_APP.secret, SAMPLE_MINI.secret, SAMPLE_AGENT.secret)
    state = Harness(data, "").state
    with running_sandbox(SandboxOptions(**rules), clock=clock, state_file=state) as upstream:
        yield Harness(data, upstream, store)


def token_of(answer: tuple[int, Json]) -> str:
    """The token of a success in the original's envelope."""
    status, found = answer
    assert (status, found["code"]) == (200, 0), found
    return str(found["data"]["access_token"])
