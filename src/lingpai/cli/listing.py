"""Lists that may be long: as many as asked for, and how to go on."""

from typing import Annotated, Final

import typer

from lingpai.cli.messages import tr

MOST_LISTED: Final = 1000
"""Default of `--limit`."""

Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]


def note_more(options: str) -> None:
    """Print, after a truncated list, the options that continue it."""
    from lingpai.cli.output import note

    note(tr("There are more: continue with {options}, or set --limit.", options=options))
