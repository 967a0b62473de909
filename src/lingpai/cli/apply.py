"""`lingpai apply`: accounts, callers, apps, users and terminals, declared in a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.running import Data, Json, Steps, with_operating
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.operating.port import Operating

WORDS = {
    True: {"add": "would be added", "change": "would be changed", "remove": "would be removed"},
    False: {"add": "added", "change": "changed", "remove": "removed"},
}
STYLES = {"add": "green", "change": "yellow", "remove": "red"}


def apply(
    *,
    file: Annotated[
        Path, typer.Argument(help="TOML, or JSON when its name ends in .json.", show_default=False)
    ],
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Remove entries that the file's sections do not name; sections that are not in "
            "the file are left alone.",
            show_default=False,
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.", show_default=False)
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make the store match a file of accounts, callers, users, apps and terminals. Repeating it changes nothing.

    Secrets in the file may be env:NAME or file:PATH, so that the file can be kept with the code.
    """
    from lingpai.cli.declarations import read_file
    from lingpai.cli.output import emit, progress
    from lingpai.operating.problems import UnfinishedError

    document, steps = read_file(file), Steps()

    def print_done(done: dict[str, Any]) -> None:
        emit(done, as_json, lambda console: _render(console, done))

    async def work(port: "Operating") -> dict[str, Any]:
        body = {**document, "prune": prune, "dry_run": dry_run}
        entries = sum(len(each) for each in document.values() if isinstance(each, list))
        with progress("Applying", 0 if dry_run else entries) as advance:
            steps.shown = advance
            return await port.act("apply", (), "apply", body)

    steps.interrupted = print_done  # new keys would be lost otherwise: only their digests are stored
    try:
        done = with_operating(data, work, create=not dry_run, rehearse=dry_run, steps=steps)
    except UnfinishedError as error:
        print_done(error.made)
        raise
    print_done(done)


def _render(console: "Console", done: dict[str, Any]) -> None:
    from rich.text import Text

    from lingpai.cli.output import say, table

    rows = [
        (
            each["section"],
            each["name"],
            Text(tr(WORDS[done["dry_run"]][each["action"]]), style=STYLES[each["action"]]),
            ", ".join(each["fields"]),
        )
        for each in done["changes"]
        if each["action"] != "keep"
    ]
    kept = len(done["changes"]) - len(rows)
    if rows:
        console.print(table("Changes", ("Section", "Name", "What", "Fields"), rows))
    say(console, tr("{count} unchanged.", count=kept), "dim")
    for name, key in done["keys"].items():
        say(console, tr("Key of {name}, shown only once:", name=name), "green")
        say(console, key)
