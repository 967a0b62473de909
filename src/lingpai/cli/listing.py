"""Lists that may be long: as many as asked for, and how to go on."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from lingpai.operating.port import Key, Operating

PAGE: Final = 500
"""Things that are read at a time."""
MOST_LISTED: Final = 1000
"""Default of `--limit`."""

Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]


async def read_all(
    port: "Operating", kind: str, key: "Key" = (), wanted: "Mapping[str, str] | None" = None
) -> list[dict[str, Any]]:
    """Return every thing of a list, page after page."""
    return [each async for each in read_each(port, kind, key, wanted)]


async def read_each(
    port: "Operating",
    kind: str,
    key: "Key" = (),
    wanted: "Mapping[str, str] | None" = None,
    *,
    page: int = PAGE,
) -> "AsyncIterator[dict[str, Any]]":
    """Yield the things of a list, `page` at a time being read."""
    after = ""
    while True:
        found = await port.list(kind, key, wanted, after=after, limit=min(page, PAGE))
        for each in found.items:
            yield each
        after = found.next
        if not after:
            return


def given(**filters: str | int | None) -> dict[str, str]:
    """Return the filters of a list that are wanted."""
    return {name: str(value) for name, value in filters.items() if value not in ("", None)}


def note_more(options: str) -> None:
    """Print, after a truncated list, the options that continue it."""
    from lingpai.cli.output import note

    note(tr("There are more: continue with {options}, or set --limit.", options=options))
