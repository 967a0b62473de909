import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lingpai.cli.tree import app
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP
from tests.helpers.sandbox import running_sandbox

COMMAND = [sys.executable, "-c", "from lingpai.cli import main; main()"]
CTRL_C = "\x03"
PATIENCE = 100
"""Seconds until a command on a terminal is taken for hanging."""
LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")


class Answer:
    """What a command said and how it ended."""

    def __init__(self, stdout: str, stderr: str, code: int) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.code = code

    @property
    def json(self) -> Any:
        assert self.code == 0, self.stderr
        return json.loads(self.stdout)


class Cli:
    """The command line with settings of the test's own, in this process or as one of its own."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self.home = home
        self.data = home / "data"
        self.env = env

    def __call__(
        self, *arguments: str, given: str | None = None, env: Mapping[str, str] | None = None
    ) -> Answer:
        """Run in this process; standard output is no terminal."""
        result = CliRunner().invoke(app, arguments, input=given, env={**self.env, **(env or {})})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.stdout, result.stderr, result.exit_code)

    def process(self, *arguments: str, given: str = "") -> Answer:
        """Run as a process of its own, in a pipe."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=given,
            capture_output=True,
            text=True,
            env=self.environment(),
            cwd=self.home,
            timeout=60,
            check=False,
        )
        return Answer(done.stdout, done.stderr, done.returncode)

    def terminal(self, *arguments: str, typed: str = "") -> Answer:
        """Run as a process of its own on a terminal 200 columns wide; everything it shows is in `stdout`."""
        ours, theirs = pty.openpty()
        environment = {
            **self.environment(),
            "TERM": "xterm-256color",
            "COLUMNS": "200",
            "PYTHONFAULTHANDLER": "1",
        }
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            cwd=self.home,
            preexec_fn=_log_in,  # noqa: PLW1509  no lock is taken there
        )
        # An abort makes what hangs say where it stands.
        watchdog = threading.Timer(PATIENCE, process.send_signal, [signal.SIGABRT])
        watchdog.start()
        try:
            os.close(theirs)
            shown = b""
            for line in typed.splitlines(keepends=True):  # a prompt throws away what was typed before it
                prompt = b""
                while not prompt.endswith(b": "):
                    prompt += os.read(ours, 4096)
                shown += prompt
                os.write(ours, line.encode())
            insisting = threading.Event()
            if typed.endswith(CTRL_C):
                threading.Thread(target=_insist, args=(ours, insisting), daemon=True).start()
            shown += _read_all(ours)
            insisting.set()
            return Answer(shown.decode(), "", process.wait(60))
        finally:
            watchdog.cancel()
            process.kill()
            process.wait()
            os.close(ours)

    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in LOCALES and not name.startswith(("LINGPAI_", "THIRD_APPID_"))
        }
        return {**inherited, **self.env}

    def add_sample(self) -> str:
        """The sandbox's sample app, as an operator adds it; gives its name."""
        added = self("account", "add", "wechat", SAMPLE_APP.appid, "--secret-stdin", given=SAMPLE_APP.secret)
        return str(added.json["account"])

    def add_corp(self) -> str:
        """The sandbox's sample corp with one of its apps."""
        secret = SAMPLE_AGENT.secret
        added = self(
            *("account", "add", "wecom", SAMPLE_CORP.corpid, "--label", "agent", "--secret-stdin"),
            given=secret,
        )
        return str(added.json["account"])


def _log_in() -> None:
    """Begin as a shell on a terminal lets commands begin: Ctrl-C is a signal, and nobody has it ignored."""
    os.login_tty(0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a suite that runs in the background inherits it ignored


def _insist(terminal: int, enough: threading.Event) -> None:
    """Type Ctrl-C again and again, as people do: Python loses one that comes just before `input` waits."""
    while not enough.wait(1):
        with contextlib.suppress(OSError):
            os.write(terminal, CTRL_C.encode())


def _read_all(descriptor: int) -> bytes:
    content = b""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # Linux: the other end was closed
            return content
        if not chunk:
            return content
        content += chunk


class Sandbox:
    """The controls of a running sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, method: str, name: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{name}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def fetches(self) -> int:
        """How often a token was fetched."""
        calls = self.control("GET", "received?path=/cgi-bin/stable_token")
        return len(calls["received"])


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as url:
        yield Sandbox(url)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Cli:
    for name in list(os.environ):
        if name in LOCALES or name.startswith(("LINGPAI_", "THIRD_APPID_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    # Nothing listens on port 1: a test that needs no platform must not reach one.
    url = (
        request.getfixturevalue("sandbox").url if "sandbox" in request.fixturenames else "http://127.0.0.1:1"
    )
    env = {
        "LANG": "C.UTF-8",
        "LINGPAI_DATA": str(tmp_path / "data"),
        "LINGPAI_WECHAT__BASE_URL": url,
        "LINGPAI_WECOM__BASE_URL": url,
    }
    return Cli(tmp_path, env)
