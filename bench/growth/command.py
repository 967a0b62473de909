"""``python -m bench --growth``: prepare, measure, write ``bench/growth.json``, draw the plot."""

import os
import subprocess
import sys
from collections.abc import Sequence

import msgspec
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.contenders import environment
from bench.growth import stores
from bench.growth.databases import bytes_per_grant
from bench.growth.goals import GROWTH_GOALS
from bench.growth.measuring import GrowthPlan, measure
from bench.growth.points import (
    CASES,
    GRANTS_OF_A_USER,
    GROWTH,
    QUICK,
    SIZES,
    Growth,
    Point,
    Refreshed,
    Size,
    Stored,
)
from bench.load import LoadError
from bench.machine import cores, missing
from bench.places import CACHE, ROOT
from bench.postgres import TOOLS
from bench.processes import ContenderError

PLOT = ROOT / "docs" / "images" / "growth.svg"
REFRESHES = 1_000_000


def read() -> Growth:
    """What was measured up to now."""
    return msgspec.json.decode(GROWTH.read_bytes(), type=Growth) if GROWTH.exists() else Growth()


class _Book:
    """Keeps what is found, in the file too: a run that is broken off loses nothing. A quick run writes nothing."""

    def __init__(self, *, written: bool) -> None:
        self._written = written
        self.growth = read() if written else Growth()

    def points(self, made: Sequence[Point]) -> None:
        kept = {point.key: point for point in self.growth.points} | {point.key: point for point in made}
        self.growth.points = sorted(kept.values(), key=lambda one: (CASES.index(one.case), *one.key[1:]))
        self._write()

    def stored(self, made: Stored) -> None:
        kept = {(one.grants, one.accounts): one for one in (*self.growth.stores, made)}
        self.growth.stores = [kept[key] for key in sorted(kept)]
        self._write()

    def postgresql(self, size: float) -> None:
        self.growth.postgresql_bytes = round(size, 1)
        self._write()

    def refreshed(self, made: Refreshed) -> None:
        self.growth.refreshed = made
        self._write()

    def _write(self) -> None:
        if self._written:
            GROWTH.write_bytes(msgspec.json.format(msgspec.json.encode(self.growth), indent=1) + b"\n")


def grow(console: Console, *, cases: Sequence[str], rounds: int, seconds: int, quick: bool) -> bool:
    """Run it; whether every goal that was measured is met.

    Args:
        console: where progress and tables go.
        cases: parts of cases' names, "refreshes", "postgresql", or "plot"; all when empty.
        rounds: how often each point is measured.
        seconds: how long each time.
        quick: small stores, one round, one second, and nothing written.

    Raises:
        ContenderError: something did not start, or answered wrongly.
        LoadError: wrk failed.
    """
    wanted = [case for case in CASES if not cases or any(part.lower() in case.lower() for part in cases)]
    book, sizes = _Book(written=not quick), QUICK if quick else SIZES
    CACHE.mkdir(exist_ok=True)
    place = cores()
    os.sched_setaffinity(0, place.load)
    with console.status("growth") as status:

        def say(text: str) -> None:
            status.update(text)
            if not console.is_terminal:
                console.print(text, highlight=False)

        if wanted:
            _measure(book, sizes, GrowthPlan(sizes, wanted, 1 if quick else rounds, seconds, place), say)
        if not cases or "refreshes" in cases:
            book.refreshed(_refreshes(REFRESHES // 100 if quick else REFRESHES, say))
        if (not cases or "postgresql" in cases) and not missing(TOOLS):
            say("what a grant takes in PostgreSQL")
            book.postgresql(bytes_per_grant(GRANTS_OF_A_USER))
    if not quick:
        draw()
    _show(console, book.growth)
    return _goals(console, book.growth)


def _measure(book: _Book, sizes: Sequence[Size], plan: GrowthPlan, say: stores.Say) -> None:
    for size in sizes:
        book.stored(stores.prepare(size, say))
    measure(plan, say, book.points)


def _refreshes(count: int, say: stores.Say) -> Refreshed:
    argv = [sys.executable, "-m", "bench.growth.refreshes", str(count)]
    return msgspec.json.decode(stores.follow(argv, say), type=Refreshed)


def draw() -> None:
    """Draw ``docs/images/growth.svg`` from ``growth.json``, in the references' environment.

    Raises:
        RuntimeError: that could not be made.
        subprocess.CalledProcessError: it failed.
    """
    environment.prepare()
    PLOT.parent.mkdir(exist_ok=True)
    argv = [str(environment.python()), "-m", "bench.references.growth_plot", str(GROWTH), str(PLOT)]
    subprocess.run(argv, cwd=ROOT, check=True)


def _show(console: Console, growth: Growth) -> None:
    table = Table(title="[bold]growth[/]", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in (
        "",
        "grants",
        "accounts",
        "connections",
        "per second",
        "of the least",
        "CPU µs",
        "p50 ms",
        "p99 ms",
    ):
        table.add_column(column, justify="right" if column else "left")
    for one in growth.points:
        failures = f" [bold red]({one.failures} failures)[/]" if one.failures else ""
        table.add_row(
            one.case + failures,
            *(f"{number:,}" for number in (one.grants, one.accounts, one.connections)),
            f"{one.per_second:,.0f}",
            "-" if one.versus is None else f"{one.versus:.2f}",
            f"{one.cpu_us:.1f}",
            f"{one.p50_ms:.2f}",
            f"{one.p99_ms:.2f}",
        )
    console.print(table)
    for each in growth.stores:
        console.print(
            f"{each.grants:,} grants, {each.accounts:,} accounts: {each.gib:.2f} GiB in {each.seconds:.0f} s"
        )
    if growth.refreshed is not None:
        console.print(f"{growth.refreshed}")
    if growth.postgresql_bytes is not None:
        console.print(f"a grant takes {growth.postgresql_bytes:.0f} bytes in PostgreSQL")


def _goals(console: Console, growth: Growth) -> bool:
    fine = True
    for goal in GROWTH_GOALS:
        value = goal.value(growth)
        met = value is not None and goal.met(value)
        fine = fine and (met or value is None)
        said = (
            "[yellow]not measured[/]" if value is None else "[green]met[/]" if met else "[bold red]missed[/]"
        )
        console.print(f"{goal.text}: {'-' if value is None else f'{value:.2f}'} {said}", highlight=False)
    return fine


def run(console: Console, *, cases: Sequence[str], rounds: int, seconds: int, quick: bool) -> bool:
    """As `grow`; what went wrong is returned instead of raised, and is no success."""
    try:
        return grow(console, cases=cases, rounds=rounds, seconds=seconds, quick=quick)
    except (ContenderError, LoadError, RuntimeError, subprocess.CalledProcessError) as error:
        console.print(f"[bold red]FAILED[/] {escape(str(error))}", soft_wrap=True)
        return False
