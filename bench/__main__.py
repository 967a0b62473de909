"""The command: ``python -m bench``."""

import os
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import show
from bench.cases import CASES
from bench.contender import Contender
from bench.contenders import ALL
from bench.figures import Samples, rows
from bench.machine import MissingToolError, cores, install_hint, missing, require_tools
from bench.places import CACHE, LATEST, SAMPLES
from bench.rounds import Plan, alternate


def _chosen(only: list[str]) -> list[Contender]:
    if not only:
        return list(ALL)
    named = [one for one in ALL if any(part.lower() in one.name.lower() for part in only)]
    if not named:
        raise typer.BadParameter(
            f"no contender is called so; there are: {', '.join(one.name for one in ALL)}"
        )
    references = {CASES[case].reference for one in named for case in one.requests}
    return [one for one in ALL if one in named or one.name in references]


def _prepare(console: Console, contenders: list[Contender], skipped: dict[str, str]) -> list[Contender]:
    """Those that can take part; the reasons of the others go to ``skipped``."""
    ready = []
    for contender in contenders:
        absent = missing(contender.tools)
        if absent:
            skipped[contender.name] = f"{', '.join(absent)} not found; install: {install_hint(absent)}"
            continue
        try:
            if contender.prepare is not None:
                with console.status(f"setting up {contender.name}"):
                    contender.prepare()
        except Exception as error:  # noqa: BLE001 - one that cannot be set up must not end the bench
            skipped[contender.name] = f"could not be set up: {escape(str(error))}"
            continue
        ready.append(contender)
    return ready


def _run(console: Console, contenders: list[Contender], plan: Plan, failures: dict[str, str]) -> Samples:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(contenders) * plan.rounds)

        def before(contender: Contender, number: int) -> None:
            text = f"round {number + 1} of {plan.rounds}: {contender.name}"
            progress.update(task, description=text)
            progress.update(task, advance=1)
            if not console.is_terminal:
                console.print(text)

        def failed(contender: Contender, error: Exception) -> None:
            failures[contender.name] = str(error)
            console.print(f"[bold red]FAILED[/] {contender.name}: {escape(str(error))}", soft_wrap=True)

        return alternate(contenders, plan, before, failed)


def main(
    only: Annotated[
        list[str] | None, typer.Option(help="Part of a contender's name; may be repeated.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Alternating rounds; the table shows medians.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Seconds of load for each case in each round.")] = 3,
    quick: Annotated[bool, typer.Option(help="One round of one second: does it work at all?")] = False,
    strict: Annotated[bool, typer.Option(help="End with 1 when a goal is missed.")] = False,
) -> None:
    """Measure Lingpai side by side with its references and write bench/latest.json."""
    console = Console()
    console.width = max(console.width, show.WIDTH)
    try:
        require_tools()
        place = cores()
    except (MissingToolError, RuntimeError) as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        raise typer.Exit(2) from error
    os.sched_setaffinity(0, place.load)
    plan = Plan(1, 1, place) if quick else Plan(rounds, seconds, place)
    skipped: dict[str, str] = {}
    failures: dict[str, str] = {}
    ready = _prepare(console, _chosen(only or []), skipped)
    show.show_skipped(console, skipped)
    samples = _run(console, ready, plan, failures)
    made = rows(samples)
    CACHE.mkdir(exist_ok=True)
    SAMPLES.write_bytes(msgspec.json.encode(samples))
    LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    show.show_rows(console, made)
    show.show_skipped(console, skipped)
    fine = show.show_goals(console, samples)
    show.show_strangers(console, samples)
    if failures or not samples or (strict and not fine):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
