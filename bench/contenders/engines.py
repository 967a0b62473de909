"""The engines and numbers of workers that Lingpai is measured with."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import postgres
from bench.contender import Command
from bench.machine import cores
from bench.places import CACHE
from bench.ports import free_port
from bench.processes import Process

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
_CLUSTER = "cluster"


@dataclass(frozen=True)
class Setup:
    """What keeps Lingpai's state, and how many processes serve."""

    engine: str = SQLITE
    workers: int = 1

    def name(self, base: str) -> str:
        """What a contender is called that runs so."""
        several = f"{self.workers} workers" if self.workers > 1 else ""
        other = self.engine if self.engine != SQLITE else ""
        return ", ".join(filter(None, (base, other, several)))

    @property
    def tools(self) -> tuple[str, ...]:
        """Programs that it needs."""
        return postgres.TOOLS if self.engine == POSTGRESQL else ()

    def prepare(self, home: Path) -> None:
        """Make what the engine keeps its state in."""
        if self.engine == POSTGRESQL:
            postgres.make(home / _CLUSTER)

    def launch(self, source: Path, to: Path) -> tuple[tuple[Command, ...], Mapping[str, str]]:
        """What to start before the service on a copy of what lies in ``source``, and the service's settings for it."""
        if self.engine == SQLITE:
            return (), {}
        port = free_port()
        postgres.copy(source / _CLUSTER, to / _CLUSTER)
        return (postgres.serve(to / _CLUSTER, port),), _settings(port)

    @contextmanager
    def running(self, home: Path) -> Iterator[Mapping[str, str]]:
        """The engine on what lies in ``home`` itself; gives the settings to reach it."""
        if self.engine == SQLITE:
            yield {}
            return
        port = free_port()
        with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as logs:
            process = Process(postgres.serve(home / _CLUSTER, port), cores(), Path(logs) / "store.log")
            try:
                process.await_ready()
                yield _settings(port)
            finally:
                process.stop()


def _settings(port: int) -> Mapping[str, str]:
    return {"LINGPAI_STORE": postgres.url(port)}


SETUPS = tuple(Setup(engine, workers) for engine in (SQLITE, POSTGRESQL) for workers in (1, 2))
