"""The command: ``python -m bench``."""

import os
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import show
from bench.cases import CASES, LINGPAI
from bench.contender import Contender
from bench.contenders import ALL
from bench.contenders.engines import POSTGRESQL, SQLITE
from bench.figures import Row, Samples, ordered, row_name, rows
from bench.growth import command as growing
from bench.machine import MissingToolError, cores, install_hint, missing, require_tools
from bench.places import CACHE, LATEST, SAMPLES
from bench.rounds import Plan, alternate


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def chosen(only: list[str], skip: list[str], engines: list[str], workers: list[str]) -> list[Contender]:
    """Those who take part: of Lingpai's setups the wanted ones, and who they are compared with."""

    def wanted(one: Contender) -> bool:
        return not one.name.startswith(LINGPAI) or (one.engine in engines and str(one.workers) in workers)

    def named(one: Contender, parts: list[str]) -> bool:
        return any(part.lower() in one.name.lower() for part in parts)

    taking = [one for one in ALL if wanted(one) and (not only or named(one, only)) and not named(one, skip)]
    if not taking:
        raise typer.BadParameter(
            f"no contender is called so; there are: {', '.join(one.name for one in ALL)}"
        )
    references = {CASES[case].reference for one in taking for case in one.requests} if only else set()
    return [one for one in ALL if one in taking or one.name in references]


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


def _keep(samples: Samples, made: list[Row]) -> None:
    """Write what was measured; rows of contenders that took no part this time stay as they were."""
    CACHE.mkdir(exist_ok=True)
    SAMPLES.write_bytes(msgspec.json.encode(samples))
    known = [row_name(case, one.name) for case in CASES for one in ALL]
    before = msgspec.json.decode(LATEST.read_bytes(), type=list[Row]) if LATEST.exists() else []
    kept = {row.name: row for row in before if row.name in known} | {row.name: row for row in made}
    LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(ordered(kept.values())), indent=1) + b"\n")


def main(
    *,
    only: Annotated[
        list[str] | None, typer.Option(help="Part of a contender's name; may be repeated.")
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(help="Part of the name of who does not take part; may be repeated.")
    ] = None,
    engine: Annotated[str, typer.Option(help="Engines that Lingpai runs on.")] = f"{SQLITE},{POSTGRESQL}",
    workers: Annotated[str, typer.Option(help="Numbers of Lingpai's workers.")] = "1,2",
    rounds: Annotated[int, typer.Option(min=1, help="Alternating rounds; the table shows medians.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Seconds of load for each case in each round.")] = 2,
    quick: Annotated[bool, typer.Option(help="One round of one second: does it work at all?")] = False,
    growth: Annotated[
        bool,
        typer.Option(
            help="The curves over what is stored, into bench/growth.json and docs/images/growth.svg."
        ),
    ] = False,
    strict: Annotated[bool, typer.Option(help="End with 1 when a goal is missed.")] = False,
) -> None:
    """Measure Lingpai side by side with its references and write bench/latest.json (a quick run writes nothing)."""
    console = Console()
    console.width = max(console.width, show.WIDTH)
    try:
        require_tools()
        place = cores()
    except (MissingToolError, RuntimeError) as error:
        console.print(f"[bold red]{escape(str(error))}[/]")
        raise typer.Exit(2) from error
    if growth:
        fine = growing.run(console, cases=only or [], rounds=rounds, seconds=seconds, quick=quick)
        raise typer.Exit(0 if fine or not strict else 1)
    os.sched_setaffinity(0, place.load)
    plan = Plan(1, 1, place) if quick else Plan(rounds, seconds, place)
    skipped: dict[str, str] = {}
    failures: dict[str, str] = {}
    ready = _prepare(console, chosen(only or [], skip or [], _listed(engine), _listed(workers)), skipped)
    show.show_skipped(console, skipped)
    samples = _run(console, ready, plan, failures)
    made = rows(samples)
    if not quick:
        _keep(samples, made)
    show.show_rows(console, made)
    show.show_skipped(console, skipped)
    fine = show.show_goals(console, samples)
    show.show_strangers(console, samples)
    if failures or not samples or (strict and not fine):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
