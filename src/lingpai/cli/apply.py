"""`lingpai apply`: accounts, callers, apps, users and terminals, declared in a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.messages import tr
from lingpai.cli.running import Data, Json, demand_host, with_site

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.cli.declarations import Planned
    from lingpai.operating.site import Site

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
    demand_host()
    from lingpai.cli.declarations import perform, plan_all, read_file
    from lingpai.cli.output import emit, progress

    document = read_file(file)
    made: list[Planned] = []  # also when the rest fails

    async def work(site: "Site") -> "list[Planned]":
        from lingpai.cli.sections.section import Stage
        from lingpai.operating.realm_choice import IssuerChoice

        stage = Stage(site.keeper, IssuerChoice(site), file.parent, document)
        planned = await plan_all(stage, document, prune=prune)
        if not dry_run:
            with progress("Applying", sum(each.change.action != "keep" for each in planned)) as advance:
                await perform(planned, made, advance)
        return planned

    def print_plan(planned: "list[Planned]") -> None:
        keys = (
            {}
            if dry_run
            else {each.change.name: each.change.reveal for each in planned if each.change.reveal}
        )
        emit(
            _document(planned, keys, dry_run=dry_run),
            as_json,
            lambda console: _render(console, planned, keys, dry_run=dry_run),
        )

    try:
        planned = with_site(data, work, create=not dry_run, rehearse=dry_run)
    except BaseException:
        if made:  # new keys would be lost otherwise: only their digests are stored
            print_plan(made)
        raise
    print_plan(planned)


def _document(planned: "list[Planned]", keys: dict[str, str], *, dry_run: bool) -> dict[str, Any]:
    changes = [
        {"section": section, "name": change.name, "action": change.action, "fields": change.fields}
        for section, change in planned
    ]
    return {"dry_run": dry_run, "changes": changes, "keys": keys}


def _render(console: "Console", planned: "list[Planned]", keys: dict[str, str], *, dry_run: bool) -> None:
    from rich.text import Text

    from lingpai.cli.output import say, table

    rows = [
        (
            section,
            change.name,
            Text(tr(WORDS[dry_run][change.action]), style=STYLES[change.action]),
            ", ".join(change.fields),
        )
        for section, change in planned
        if change.action != "keep"
    ]
    kept = len(planned) - len(rows)
    if rows:
        console.print(table("Changes", ("Section", "Name", "What", "Fields"), rows))
    say(console, tr("{count} unchanged.", count=kept), "dim")
    for name, key in keys.items():
        say(console, tr("Key of {name}, shown only once:", name=name), "green")
        say(console, key)
