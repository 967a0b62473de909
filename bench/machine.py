"""The machine: which cores serve and which load, which programs are there."""

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

# Debian's package for each program.
PACKAGES = {
    "wrk": "wrk",
    "taskset": "util-linux",
    "nginx": "nginx-light",
    "node": "nodejs",
    "npm": "npm",
    "redis-server": "redis-server",
    "postgres": "postgresql",
    "setpriv": "util-linux",
}
REQUIRED = ("wrk", "taskset")


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())


# Where Debian keeps what users are not meant to start; the newest PostgreSQL first.
_KEPT_ASIDE = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/sbin",
    *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)),
)


class MissingToolError(RuntimeError):
    """A program that the bench cannot do without is not there; the text says how to install it."""


@dataclass(frozen=True)
class Cores:
    """CPU numbers: where services run and where everything else does."""

    server: tuple[int, ...]
    load: tuple[int, ...]


@functools.cache  # before the bench pins itself
def cores(workers: int = 1) -> Cores:
    """One core for each of ``workers`` serving processes, the remaining ones for the load.

    Raises:
        RuntimeError: there are too few cores to keep the two apart.
    """
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) <= workers:
        raise RuntimeError(
            f"{workers} serving cores and one for the load are needed; there are {len(usable)}"
        )
    return Cores(server=tuple(usable[-workers:]), load=tuple(usable[:-workers]))


def spread(place: Cores, workers: int) -> Cores:
    """Where ``workers`` serving processes run, if one would run at ``place``.

    With too few cores for them and the load, both share all there are: then only CPU time per answer can be
    compared.
    """
    usable = tuple(sorted({*place.server, *place.load}))
    if workers == 1:
        return place
    if len(usable) <= workers:
        return Cores(server=usable, load=usable)
    return Cores(server=usable[-workers:], load=usable[:-workers])


def missing(tools: tuple[str, ...]) -> list[str]:
    """Those of ``tools`` that are not on the PATH (or where Debian keeps its daemons)."""
    return [tool for tool in tools if find(tool) is None]


def find(tool: str) -> str | None:
    """Full path of a program, or None."""
    return shutil.which(tool) or shutil.which(tool, path=os.pathsep.join(_KEPT_ASIDE))


def install_hint(tools: list[str]) -> str:
    """The command that installs ``tools`` on Debian and its kin."""
    return "apt-get install --no-install-recommends " + " ".join(PACKAGES[tool] for tool in tools)


def require_tools() -> None:
    """Install what the bench cannot do without, when we are root.

    Raises:
        MissingToolError: it is missing and could not be installed.
    """
    absent = missing(REQUIRED)
    if absent and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run([*install_hint(absent).split(), "--yes"], check=False)
        absent = missing(REQUIRED)
    if absent:
        raise MissingToolError(f"{', '.join(absent)} not found; install it: {install_hint(absent)}")


def busy_seconds() -> float:
    """CPU time that all cores together spent on anything since boot, in seconds."""
    times = psutil.cpu_times()
    idle: float = times.idle + times.iowait
    return sum(times[:8]) - idle  # the rest of the fields, guests, are counted in the first ones already


def own_seconds() -> float:
    """CPU time of this process and of the children that ended, such as wrk, in seconds."""
    return sum(os.times()[:4])
