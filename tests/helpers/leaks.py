"""A pytest plugin: what the suite saw of secrets, what its services logged, and at the end that no log holds a secret.

threat G71. A secret is whatever the code digests, seals, hashes or hands out as a handle, whatever the sandbox
hands out, and what a test tells by `saw`. A log line is whatever the service's own chain formats in this process, and
what a service process of its own writes into a file of `log_file`. Both go to a folder under pytest's base temporary
folder, shared by the processes of pytest-xdist; the process that ends last compares.
"""

import contextlib
import functools
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

import msgspec
import pytest
from structlog.stdlib import ProcessorFormatter

import lingpai.sandbox.app
from lingpai.core.handles import Handles
from lingpai.core.seals import Digester, Sealer
from lingpai.edge.logs import configure_logging
from lingpai.issuer.passwords import Passwords
from lingpai.sandbox.people import People

LEAST = 12
"""Characters; what is shorter is a test's own small value, found in any log by chance."""

SECRET_FIELDS = frozenset(
    {"access_token", "refresh_token", "ticket", "session_key", "secret", "corpsecret", "code", "signature"}
)
_RUN = re.compile(rf"[A-Za-z0-9_+/=.~%-]{{{LEAST},}}")
_HARMLESS = re.compile(r'"(?:timestamp|trace_id)": ?"[^"]*"')


class Registry:
    """What one process saw and logged, written as it comes: a process that is killed loses nothing.

    Args:
        folder: shared by all processes of the suite.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: set[str] = set()
        self._secrets = self._open(f"{os.getpid()}.secrets")
        self._lines = self._open(f"{os.getpid()}.log")

    def _open(self, name: str) -> TextIO:
        return (self.folder / name).open("a", encoding="utf-8", errors="backslashreplace", buffering=1)

    def saw(self, value: str) -> None:
        """Remember a secret, if it could be distinguished from an ordinary word."""
        if len(value) >= LEAST and value not in self._known and re.search("[0-9]", value):
            self._known.add(value)
            if value.isprintable():
                self._secrets.write(value + "\n")

    def wrote(self, line: str) -> None:
        """Remember a log line."""
        self._lines.write(line + "\n")

    def close(self) -> None:
        """Close the files."""
        self._secrets.close()
        self._lines.close()


_registries: list[Registry] = []


def saw(*values: str) -> None:
    """Tell of secrets that a test sent to, or got from, a process of its own."""
    for registry in _registries:
        for value in values:
            registry.saw(value)


def saw_in(answer: Any) -> None:
    """Tell of the secrets in a JSON answer, found by the names of their fields."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name in SECRET_FIELDS and isinstance(value, str):
                saw(value)
            else:
                saw_in(value)
    elif isinstance(answer, list):
        for value in answer:
            saw_in(value)


def log_file(name: str) -> Path:
    """Where a service process's standard error goes, so that it is searched too; made when the plugin is not loaded."""
    assert _registries, "tests.helpers.leaks is not loaded"
    number = len(list(_registries[-1].folder.glob(f"{name}-*.log")))
    return _registries[-1].folder / f"{name}-{os.getpid()}-{number}.log"


def leaks_in(folder: Path) -> list[str]:
    """Where the logs of a folder hold a secret of its registries: file, line, and how the secret begins."""
    heads: dict[str, list[str]] = {}
    for file in folder.glob("*.secrets"):
        for secret in set(file.read_text("utf-8").splitlines()):
            for form in {secret, quote(secret, safe="")}:
                heads.setdefault(form[:LEAST], []).append(form)
    found: list[str] = []
    for file in sorted(folder.glob("*.log")):
        with file.open(encoding="utf-8", errors="backslashreplace") as lines:
            for number, line in enumerate(lines, 1):
                found += [f"{file.name}:{number}: {secret[:6]}…" for secret in _leaked(line, heads)]
    return found


def _leaked(line: str, heads: dict[str, list[str]]) -> Iterator[str]:
    for run in _RUN.findall(_HARMLESS.sub("", line)):
        for at in range(len(run) - LEAST + 1):
            for secret in heads.get(run[at : at + LEAST], ()):
                if run.startswith(secret, at):
                    yield secret


def _tap(owner: Any, name: str, tell: Callable[[tuple[Any, ...], Any], None]) -> Callable[[], None]:
    """Have `report` called with the arguments and the result of each call; returns what undoes that."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def tapped(*arguments: Any, **named: Any) -> Any:
        result = original(*arguments, **named)
        tell(arguments, result)
        return result

    setattr(owner, name, tapped)
    return lambda: setattr(owner, name, original)


def _first_argument(arguments: tuple[Any, ...], _result: Any) -> None:
    saw(*(each for each in arguments[1:2] if isinstance(each, str)))


def _result(_arguments: tuple[Any, ...], result: Any) -> None:
    saw(result)


def _line(_arguments: tuple[Any, ...], line: Any) -> None:
    for registry in _registries:
        registry.wrote(line)


def _sandbox_answer(_arguments: tuple[Any, ...], reply: Any) -> None:
    saw_in(msgspec.to_builtins(reply.answer))


_TAPS: tuple[tuple[Any, str, Callable[[tuple[Any, ...], Any], None]], ...] = (
    (Digester, "__call__", _first_argument),
    (Sealer, "seal", _first_argument),
    (Handles, "seal", _result),
    (Passwords, "hash", _first_argument),
    (People, "mint", _result),
    (lingpai.sandbox.app, "dispatch", _sandbox_answer),
    (ProcessorFormatter, "format", _line),
)

_FOLDER = pytest.StashKey[Path]()
_UNDO = pytest.StashKey[list[Callable[[], None]]]()
_FOUND = pytest.StashKey[list[str]]()


@pytest.hookimpl(trylast=True)  # after pytest's own, which makes the temporary folder
def pytest_configure(config: pytest.Config) -> None:
    shared = getattr(config, "workerinput", {}).get("leaks")
    folder = Path(shared) if shared else config._tmp_path_factory.getbasetemp() / "leaks"  # type: ignore[attr-defined]  # pytest tells it to fixtures only
    folder.mkdir(mode=0o700, exist_ok=True)
    config.stash[_FOLDER] = folder
    _registries.append(Registry(folder))
    config.stash[_UNDO] = [_tap(*each) for each in _TAPS]
    # Lines count as the service writes them; a test that configures logging itself is heard all the same.
    configure_logging("debug", stream=_Nowhere(), json_lines=True)


class _Nowhere(io.StringIO):
    """A stream that drops what it is given: the tap has it already."""

    def write(self, text: str, /) -> int:
        return len(text)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist starts a worker: it shares the folder."""
    node.workerinput["leaks"] = str(node.config.stash[_FOLDER])


@pytest.hookimpl(
    tryfirst=True
)  # before pytest's own, which removes the folder; all other processes have ended
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput"):
        return
    found = config.stash[_FOUND] = leaks_in(config.stash[_FOLDER])
    if found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        config._tmp_path_factory._retention_policy = "all"  # type: ignore[attr-defined]  # who fails keeps the folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash.get(_FOUND, [])
    if found:
        terminalreporter.section("secrets in logs", red=True)
        for each in found[:50]:
            terminalreporter.line(each)
        terminalreporter.line(f"{len(found)} in all; see {config.stash[_FOLDER]}")


def pytest_unconfigure(config: pytest.Config) -> None:
    for undo in config.stash.get(_UNDO, []):
        undo()
    with contextlib.suppress(IndexError):
        _registries.pop().close()
