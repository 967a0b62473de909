"""The load: wrk's command line and what it prints."""

import os
import re
import subprocess
from dataclasses import dataclass

from bench.contender import Request
from bench.places import SCRIPTS

CONNECTIONS = 32
PACED_CONNECTIONS = 256
"""So many that one which waits for its answer holds up few of the requests that are due."""
_UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_SLACK_S = 30


class LoadError(RuntimeError):
    """wrk failed, or printed something that we do not understand."""


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw.

    Attributes:
        requests: answers received.
        per_second: answers per second.
        p50_ms: median time to an answer, in milliseconds.
        p99_ms: 99th percentile of the same.
        failures: answers that were not 2xx or 3xx, socket errors, and answers that a script found wrong.
        distinct: share of the answers with a value that none before had, 0 to 1; None when no script counted.
    """

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    failures: int
    distinct: float | None = None


@dataclass(frozen=True)
class Pressure:
    """How hard to load.

    Attributes:
        connections: how many at once.
        delay_ms: mean time that a connection waits before each request, in milliseconds; None: not at all.
    """

    connections: int = CONNECTIONS
    delay_ms: float | None = None

    @classmethod
    def at(cls, per_second: float) -> "Pressure":
        """Requests that arrive at about this rate, whatever becomes of those before them."""
        answer_ms = 1.0  # a guess of what the answer takes: the rate that is reached is reported
        return cls(PACED_CONNECTIONS, max(0.0, PACED_CONNECTIONS / per_second * 1e3 - answer_ms))


FULL = Pressure()


def command(
    port: int, request: Request, cores: tuple[int, ...], seconds: int, pressure: Pressure = FULL
) -> list[str]:
    """The command line that sends ``request`` to 127.0.0.1 for ``seconds`` from ``cores``."""
    script, arguments = request.script, request.arguments
    plain = request.method == "GET" and request.body is None and pressure.delay_ms is None
    if script is None and not plain:
        script, arguments = SCRIPTS / "fixed.lua", (request.method, request.body or "")
    argv = ["taskset", "--cpu-list", ",".join(map(str, cores)), "wrk"]
    argv += [
        "--threads",
        "1",
        "--connections",
        str(pressure.connections),
        "--duration",
        f"{seconds}s",
        "--latency",
    ]
    for name, value in request.headers.items():
        argv += ["--header", f"{name}: {value}"]
    if script is not None:
        argv += ["--script", str(script)]
    argv.append(f"http://127.0.0.1:{port}{request.path}")
    return [*argv, "--", *arguments] if arguments else argv


def _figure(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise LoadError(f"wrk printed no {pattern!r}:\n{text}")
    return found.groups()


def _milliseconds(percentile: int, text: str) -> float:
    value, unit = _figure(rf"^ +{percentile}% +([\d.]+)(us|ms|s|m|h) *$", text)
    return float(value) * _UNITS_MS[unit]


def parse(text: str) -> Load:
    """Read what ``wrk --latency`` printed.

    Raises:
        LoadError: a figure is missing.
    """
    sockets = re.search(r"^ +Socket errors: (.*)$", text, re.MULTILINE)
    statuses = re.search(r"^ +Non-2xx or 3xx responses: (\d+)$", text, re.MULTILINE)
    failures = sum(map(int, re.findall(r"\d+", sockets[1]))) if sockets else 0
    failures += int(statuses[1]) if statuses else 0
    wrong = re.search(r"^Wrong answers: (\d+)$", text, re.MULTILINE)
    failures += int(wrong[1]) if wrong else 0
    distinct = re.search(r"^Distinct: ([\d.]+)$", text, re.MULTILINE)
    return Load(
        requests=int(_figure(r"^ +(\d+) requests in ", text)[0]),
        per_second=float(_figure(r"^Requests/sec: +([\d.]+)$", text)[0]),
        p50_ms=_milliseconds(50, text),
        p99_ms=_milliseconds(99, text),
        failures=failures,
        distinct=float(distinct[1]) if distinct else None,
    )


def run(port: int, request: Request, cores: tuple[int, ...], seconds: int, pressure: Pressure = FULL) -> Load:
    """Load 127.0.0.1 with ``request`` for ``seconds``.

    Raises:
        LoadError: wrk failed or did not end.
    """
    argv = command(port, request, cores, seconds, pressure)
    env = dict(os.environ)
    if pressure.delay_ms is not None:
        env["BENCH_DELAY_MS"] = f"{pressure.delay_ms:.3f}"
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, check=True, timeout=seconds + _SLACK_S, env=env
        )
    except subprocess.CalledProcessError as error:
        raise LoadError(f"wrk ended with {error.returncode}: {error.stderr or error.stdout}") from error
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"wrk did not end within {error.timeout} s") from error
    return parse(done.stdout)
