"""A sandbox in this process, spoken to without a socket, with a clock that the test moves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lingpai.core.clock import VirtualClock
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP, SandboxOptions, create_app
from lingpai.sandbox.world import World
from tests.helpers.direct import Result, ask_once

Json = dict[str, Any]
# 2023-11-14 22:13:20 UTC is 06:13:20 of the 15th in China: 17 h 46 min 40 s before the next day there.
TO_CHINESE_MIDNIGHT = 64_000


class Platforms:
    """The imitated platforms, as a client sees them."""

    def __init__(self, options: SandboxOptions | None = None, state_file: Path | None = None) -> None:
        self.clock = VirtualClock(1_700_000_000.0)
        self._app = create_app(options or SandboxOptions(), self.clock, state_file)

    @property
    def world(self) -> World:
        """Everything that the sandbox knows."""
        return self._app._world

    def raw(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
    ) -> Result:
        """One call, with all of its answer."""
        return ask_once(
            self._app, method, path, params=query, json=json, body=body, headers=headers, peer=address
        )

    def get(self, path: str, *, address: str = "127.0.0.1", **query: Any) -> Json:
        """The JSON answer of a GET; it is always HTTP 200."""
        return _answer(self.raw("GET", path, query=query, address=address))

    def post(self, path: str, json: Any, *, address: str = "127.0.0.1", **query: Any) -> Json:
        """The JSON answer of a POST; it is always HTTP 200."""
        return _answer(self.raw("POST", path, query=query, json=json, address=address))

    def control(self, method: str, name: str, json: Any = None, **query: Any) -> Json:
        """The JSON answer of a control that must work."""
        return _answer(self.raw(method, f"/_sandbox/{name}", query=query, json=json))

    def classic(self, address: str = "127.0.0.1", **over: str) -> Json:
        """``/cgi-bin/token`` of the sample app, some parameters replaced."""
        query = credentials() | over
        return self.get("/cgi-bin/token", address=address, **query)

    def stable(self, *, force: bool = False, **over: Any) -> Json:
        """``/cgi-bin/stable_token`` of the sample app."""
        return self.post("/cgi-bin/stable_token", credentials() | {"force_refresh": force} | over)

    def wecom(self, secret: str = SAMPLE_AGENT.secret, corpid: str = SAMPLE_CORP.corpid) -> Json:
        """``/cgi-bin/gettoken`` of the sample agent."""
        return self.get("/cgi-bin/gettoken", corpid=corpid, corpsecret=secret)

    def probe(self, token: str) -> int:
        """The errcode of an API call with this token; 0 when it lives."""
        return int(self.get("/cgi-bin/sandbox_probe", access_token=token)["errcode"])


def credentials() -> Json:
    """What the sample app sends to fetch a token."""
    return {"grant_type": "client_credential", "appid": SAMPLE_APP.appid, "secret": SAMPLE_APP.secret}


def _answer(result: Result) -> Json:
    assert result.status_code == 200, result.text
    answer = result.json
    assert isinstance(answer, dict)
    return answer
