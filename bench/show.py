"""What the terminal shows: the table, the goals, what was left out."""

import itertools

from rich import box
from rich.console import Console
from rich.table import Table

from bench.figures import Row, Samples
from bench.goals import GOALS

WIDTH = 132
QUIET = 0.05
_COLUMNS = (
    "",
    "per second",
    "ratio",
    "CPU µs",
    "of it store",
    "p50 ms",
    "p99 ms",
    "RSS MiB",
    "start s",
    "engine",
    "workers",
)


def _ratio(row: Row) -> str:
    if row.name == row.reference:
        return "[bold]reference[/]"
    return "-" if row.ratio is None else f"{row.ratio:.2f}"


def _cells(row: Row) -> tuple[str, ...]:
    failures = f" [bold red]({row.failures} failures)[/]" if row.failures else ""
    distinct = f" ({row.distinct:.0%} distinct)" if row.distinct is not None else ""
    return (
        row.name.partition(": ")[2] + distinct + failures,
        f"{row.per_second:,.0f}",
        _ratio(row),
        f"{row.cpu_us:.1f}",
        f"{row.store_us:.1f}" if row.store_us else "-",
        f"{row.p50_ms:.2f}",
        f"{row.p99_ms:.2f}",
        f"{row.rss_mib:.0f}",
        f"{row.start_s:.2f}",
        row.engine,
        str(row.workers),
    )


def show_rows(console: Console, rows: list[Row]) -> None:
    """Print one table for each case of ``rows``."""
    for case, group in itertools.groupby(rows, key=lambda row: row.name.partition(": ")[0]):
        table = Table(title=f"[bold]{case}[/]", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for number, column in enumerate(_COLUMNS):
            table.add_column(column, justify="right" if 0 < number < 9 else "left", no_wrap=True)
        for row in group:
            ours = ": lingpai" in row.name
            table.add_row(*_cells(row), style="bold green" if ours else None)
        console.print(table)


def show_goals(console: Console, samples: Samples) -> bool:
    """Print each goal with what was measured; whether none was missed (those not measured do not count)."""
    fine = True
    table = Table(title="[bold]goals[/]", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("goal", "measured", ""):
        table.add_column(column)
    for goal in GOALS:
        value = goal.value(samples)
        if value is None:
            table.add_row(goal.text, "-", "[yellow]not measured[/]")
            continue
        met = goal.met(value)
        fine = fine and met
        table.add_row(goal.text, f"{value:.2f}", "[green]met[/]" if met else "[bold red]missed[/]")
    console.print(table)
    return fine


def show_strangers(console: Console, samples: Samples) -> None:
    """Warn when other programs took so much of the machine that the figures are worth little."""
    disturbed = [sample for sample in samples if sample.strangers > QUIET]
    if disturbed:
        worst = max(sample.strangers for sample in disturbed)
        share = f"{len(disturbed)} of {len(samples)} measurements"
        text = f"other programs took up to {worst:.0%} of the machine in {share}"
        console.print(f"[bold yellow]DISTURBED[/] {text}: do not trust these figures", soft_wrap=True)


def show_skipped(console: Console, skipped: dict[str, str]) -> None:
    """Print who did not take part and why."""
    for name, reason in skipped.items():
        console.print(f"[bold yellow]SKIPPED[/] {name}: {reason}", highlight=False, soft_wrap=True)
