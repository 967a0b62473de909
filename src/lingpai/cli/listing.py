"""Lists that may be long: as many as asked for, and how to go on."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lingpai.cli.messages import tr

if TYPE_CHECKING:
    from lingpai.operating.port import Operating

PAGE: Final = 500
"""Things that are read at a time."""
MOST_LISTED: Final = 1000
"""Default of `--limit`."""

Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]


async def read_all(port: "Operating", kind: str) -> list[dict[str, Any]]:
    """Return every thing of a list, page after page."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await port.list(kind, after=after, limit=PAGE)
        found += page.items
        after = page.next
        if not after:
            return found


def note_more(options: str) -> None:
    """Print, after a truncated list, the options that continue it."""
    from lingpai.cli.output import note

    note(tr("There are more: continue with {options}, or set --limit.", options=options))
