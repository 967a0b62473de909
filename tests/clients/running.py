"""Runs a client in a process of its own, as an application would.

Its interpreter, its warnings, its sockets.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.clients.stack import Stack
from tests.prepare import (
    DINGTALK,
    LARK,
    MSGQYWX,
    NODE,
    OAUTH,
    OIDC,
    STANDARDWEBHOOKS,
    STEPS,
    TESTS,
    WECHATPY2,
    YILIANYUN,
)

GENERATIONS = (1, 2)
"""Of wechatpy: the one in the environment, and the one that `tests/prepare.py` puts beside it."""

NODE_CLIENTS = ("co-wechat-api", "node-easywechat", "wechat-jssdk")
SHOWN = tuple(
    TESTS / "clients" / name
    for name in (
        "python/wechatpy_official.py",
        "python/wechatpy_wecom.py",
        "node/co-wechat-api.js",
        "node/node-easywechat.js",
        "node/wechat-jssdk.js",
    )
)
"""The code that the documentation shows, in its order; `docs/how-to/sdks.md` must be changed with it."""

SECONDS = 60
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


class Client:
    """One client process that has got what to do."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def found(self) -> dict[str, Any]:
        """What it answered."""
        out, err = self._process.communicate(timeout=SECONDS)
        assert self._process.returncode == 0, err.decode()
        answer: dict[str, Any] = json.loads(out)
        return answer

    def end(self) -> None:
        """End it if it still runs; close its pipes."""
        self._process.kill()
        self._process.communicate()


class Clients:
    """Starts clients, and sees to it that none outlives the test.

    Args:
        stack: where they find Lingpai.
        folder: each gets a working folder in it, as some SDKs leave files there.
    """

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._started: list[Client] = []

    def wechatpy(self, generation: int, script: str, wanted: dict[str, Any]) -> Client:
        """Start `tests/clients/python/<script>.py` with this generation of wechatpy."""
        return self._python(script, wanted, *([WECHATPY2] if generation == 2 else []))

    def oauth(self, script: str, wanted: dict[str, Any]) -> Client:
        """Start `tests/clients/python/<script>.py` with the OAuth clients."""
        return self._python(script, wanted, OAUTH)

    def oidc(self, script: str, wanted: dict[str, Any]) -> Client:
        """Start `tests/clients/python/<script>.py` with the clients of OpenID Connect and MCP."""
        return self._python(script, wanted, OIDC)

    def yilianyun(self, script: str, wanted: dict[str, Any]) -> Client:
        """Start `tests/clients/python/<script>.py` with Yilianyun's own SDK."""
        return self._python(script, wanted, YILIANYUN)

    def msgqywx(self, script: str, wanted: dict[str, Any], **environment: str) -> Client:
        """Start `tests/clients/python/<script>.py` with msgqywx, which keeps tokens below its user's home."""
        return self._python(script, wanted, MSGQYWX, HOME=str(self._folder), **environment)

    def lark(self, script: str, wanted: dict[str, Any]) -> Client:
        """Start `tests/clients/python/<script>.py` with Feishu's own SDK."""
        return self._python(script, wanted, LARK)

    def dingtalk(self, script: str, wanted: dict[str, Any]) -> Client:
        """Start `tests/clients/python/<script>.py` with DingTalk's own SDK."""
        return self._python(script, wanted, DINGTALK)

    def webhooks(self, script: str, wanted: dict[str, Any]) -> Client:
        """Start `tests/clients/python/<script>.py` with the reference library of Standard Webhooks."""
        return self._python(script, wanted, STANDARDWEBHOOKS)

    def node(self, name: str, wanted: dict[str, Any]) -> Client:
        """Start the client of this name in `tests/clients/node`."""
        return self._start(("node", str(NODE / "run.js"), name), wanted)

    def end(self) -> None:
        """End all that still run."""
        for client in self._started:
            client.end()

    def _python(self, script: str, wanted: dict[str, Any], *packages: Path, **environment: str) -> Client:
        command = (sys.executable, "-m", f"tests.clients.python.{script}")
        path = os.pathsep.join(map(str, (*packages, TESTS.parent)))
        return self._start(command, wanted, PYTHONPATH=path, **environment)

    def _start(self, command: tuple[str, ...], wanted: dict[str, Any], **more: str) -> Client:
        number = len(self._started)
        folder = self._folder / f"client-{number}"
        folder.mkdir()
        answer = self._folder / f"client-{number}.json"
        answer.write_text(json.dumps(wanted | {"sandbox": self._stack.sandbox}), "utf-8")
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"LINGPAI_URL": self._stack.url, "PYTHONDONTWRITEBYTECODE": "1", **more}
        with answer.open("rb") as stdin:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        client = Client(process)
        self._started.append(client)
        return client


def demand_prepared() -> None:
    """Fail with the reason rather than with a client's confusion about what is not installed."""
    missing = [step.name for step in STEPS if not step.present()]
    assert not missing, f"not prepared: {', '.join(missing)}; run tests/prepare.py, as `make test` does"
