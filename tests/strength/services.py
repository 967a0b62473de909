"""Real processes: `lingpai serve` as an operator runs it, killed as the kernel kills it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from tests.helpers import leaks

Json = dict[str, Any]
START_SECONDS = 30
STOP_SECONDS = 20
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
_EVENT = re.compile(r'"event": "([^"]+)"')
_URL = re.compile(r'"urls": \["([^"]+)"\]')


class Service:
    """One `lingpai serve` with all of its workers; it takes a free port, and starts while others do.

    Args:
        data: its data folder, which several may share; it is the working folder too.
        upstream: base URL of both platforms.
        workers: how many worker processes.
        group: whether it is a process group of its own, and signals go to all of it, as to a machine.
        extra: more of the environment, as it is.
        descriptors: how many it may have open, `ulimit -n`; as many as this process when 0.
        settings: more `LINGPAI_` variables, without that prefix.
    """

    def __init__(
        self,
        data: Path,
        upstream: str,
        *,
        workers: int = 1,
        group: bool = False,
        extra: Mapping[str, str] | None = None,
        descriptors: int = 0,
        **settings: Any,
    ) -> None:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        given = {
            "DATA": data,
            "PORT": 0,
            "WORKERS": workers,
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "debug",
            "WECHAT__BASE_URL": upstream,
            "WECOM__BASE_URL": upstream,
            **settings,
        }
        environment |= {f"LINGPAI_{name}": str(value) for name, value in given.items()}
        environment |= extra or {}
        self.workers = workers
        self.ready = 0
        self.heard = Counter[str]()
        self._url = ""
        self._changed = threading.Condition()
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [str(Path(sys.executable).with_name("lingpai")), "serve"]
        if descriptors:
            command = ["/bin/sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *command]
        self.process = subprocess.Popen(
            command, cwd=data, env=environment, stderr=subprocess.PIPE, start_new_session=group
        )
        self._group = group
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self._reader.start()

    @property
    def url(self) -> str:
        """Where it listens; comes back once every worker takes requests."""
        self.wait_ready(self.workers)
        return self._url

    def wait_ready(self, count: int) -> None:
        """Come back once `count` workers have become ready since the start, those that died too."""
        with self._changed:
            up = self._changed.wait_for(lambda: self.ready >= count, START_SECONDS)
        assert up, f"{self.ready} of {count} workers became ready; exit code {self.process.poll()}"

    def ask(self, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Status and JSON of the answer to a GET, or to a POST of `body`."""
        return ask(self.url + path, body)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it, or to all of its group; to nobody when it is gone."""
        if not self._group:
            self.process.send_signal(number)
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """kill -9, which ends it at once."""
        self.send(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)

    def stop(self) -> int:
        """End it as an operator does; its exit code. Kills it when that takes too long."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.kill()

    def _read(self, lines: IO[bytes]) -> None:
        with leaks.log_file("service").open("wb") as log, lines:
            for line in lines:
                log.write(line)
                log.flush()
                self._hear(line.decode(errors="replace"))
        with self._changed:
            self._changed.notify_all()

    def _hear(self, line: str) -> None:
        found = _URL.search(line)
        with self._changed:
            event = _EVENT.search(line)
            if event is not None:
                self.heard[event[1]] += 1
            if found is not None:
                self._url = found[1]
                self.ready += 1
            self._changed.notify_all()


class Heard(Service):
    """A service whose log lines are kept."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.lines: list[Json] = []
        super().__init__(*arguments, **settings)

    def _hear(self, line: str) -> None:
        with contextlib.suppress(ValueError):
            self.lines.append(json.loads(line))
        super()._hear(line)

    def events(self, name: str) -> list[Json]:
        return [each for each in list(self.lines) if each.get("event") == name]


def ask(url: str, body: Json | None = None, method: str | None = None) -> tuple[int, Json]:
    """Status and JSON of an answer; errors are answers too."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, content = error.code, error.read()
    found: Json = json.loads(content)
    leaks.saw_in(found)
    return status, found


@contextlib.contextmanager
def ending(*services: Service) -> Iterator[None]:
    """End what still runs when the block ends, however it ends."""
    try:
        yield
    finally:
        for service in services:
            if service.process.poll() is None:
                service.stop()
