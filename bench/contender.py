"""What takes part in the bench, as data: commands, requests, cases, contenders."""

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.places import ROOT


class Role(enum.Enum):
    """What a process of a contender is, which decides where it runs and what of it is counted."""

    SERVICE = "service"  # on the server's core; its CPU time and its memory count
    STORE = "store"  # on the load's core, which favours those who need one; its CPU time counts
    UPSTREAM = "upstream"  # on the load's core; nothing of it counts


@dataclass(frozen=True)
class Command:
    """One process to start.

    Attributes:
        argv: the program and its arguments, without any pinning.
        port: TCP port on 127.0.0.1 that it will listen on.
        role: see ``Role``.
        env: variables added to the environment of the bench.
        cwd: folder to start it in.
        ready: a command that succeeds once it answers; when empty, it is enough that it listens.
    """

    argv: tuple[str, ...]
    port: int
    role: Role = Role.SERVICE
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = ROOT
    ready: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What the load sends.

    Attributes:
        path: path and query; with a script, one example that the checks use.
        method: the HTTP method.
        headers: request headers.
        body: request body, or None.
        script: a wrk script for requests that differ from one another, or None.
        arguments: what the script is given.
        bodies: a file of request bodies, one a line, that are spent in order (``bench.material.take``), or
            None.
    """

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    script: Path | None = None
    arguments: tuple[str, ...] = ()
    bodies: Path | None = None


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    Attributes:
        name: as the table shows it.
        reference: name of the contender that the others are compared with.
        answer: a sample answer (JSON); a right answer has the same keys and types, and the same
            ``code`` and ``status``.
        base: the case in which the reference is measured; this one when "".
        open: whether a right answer may have further members, as standards let servers add some.
    """

    name: str
    reference: str
    answer: bytes
    base: str = ""
    open: bool = False

    @property
    def reference_row(self) -> str:
        """Name of the row that the others are compared with."""
        return f"{self.base or self.name}: {self.reference}"

    def accepts(self, status: int, body: bytes) -> bool:
        """Whether an answer with this HTTP ``status`` and ``body`` is a right one."""
        try:
            found = json.loads(body)
        except ValueError:
            return False
        sample = json.loads(self.answer)
        if self.open and isinstance(found, dict):
            found = {name: value for name, value in found.items() if name in sample}
        if status not in {200, 201} or not _alike(sample, found):
            return False
        return all(sample.get(verdict) == found.get(verdict) for verdict in ("code", "status", "active"))


def _alike(sample: object, found: object) -> bool:
    if isinstance(sample, dict) and isinstance(found, dict):
        return sample.keys() == found.keys() and all(_alike(sample[key], found[key]) for key in sample)
    return type(sample) is type(found)


@dataclass(frozen=True)
class Site:
    """The place that a contender is started at.

    Attributes:
        scratch: an empty folder of this start.
        port: the port that its service has to listen on.
    """

    scratch: Path
    port: int


@dataclass(frozen=True)
class Contender:
    """Who takes part.

    Attributes:
        name: unique, as the table shows it.
        engine: what keeps its state: "none", "file", "redis", "sqlite", ...
        requests: what to send, by the case's name; cases that are absent are not measured.
        launch: the commands to start in this order, the service last.
        tools: programs that have to be on the PATH.
        prepare: brings what it needs into the bench's cache; must be quick when all is there already.
        workers: how many processes serve.
        warm_up_s: seconds of load before a case is measured.
        paced: cases that are measured a second time, at 80 % of the speed that was just reached
            (``cases.PACED``).
    """

    name: str
    engine: str
    requests: Mapping[str, Request]
    launch: Callable[[Site], tuple[Command, ...]]
    tools: tuple[str, ...] = ()
    prepare: Callable[[], None] | None = None
    workers: int = 1
    warm_up_s: int = 1
    paced: tuple[str, ...] = ()
