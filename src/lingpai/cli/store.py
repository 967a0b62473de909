"""`lingpai store`: moving a running installation to another engine."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lingpai.cli.running import Data, Json, demand_host
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.core.keyring import KeyRing
    from lingpai.store.copying.copy import Copied

app = typer.Typer(name="store", help="The store as a whole: copy it to PostgreSQL.", no_args_is_help=True)


@app.command("copy")
def copy(
    *,
    source: Annotated[Path, typer.Argument(help="File of the embedded store.", show_default=False)],
    target: Annotated[
        str,
        typer.Argument(help="An empty database: postgresql://USER@HOST/DATABASE.", show_default=False),
    ],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Copy an embedded store into a PostgreSQL database and compare the two. The source is only read.

    Stop everything that uses the store first. After an interruption, the same command continues. Keep the password
    in PGPASSWORD or ~/.pgpass rather than in the address.
    """
    demand_host()
    from lingpai.cli.output import emit, say, table
    from lingpai.core.keyring import KeyRing
    from lingpai.settings import load_settings

    address = load_settings(data=data, store=target).store_address
    if address.dsn is None:
        raise Problem(tr("The target must be a postgresql:// address."))
    if not source.is_file():
        raise Problem(tr("There is no store at {path}.", path=source))
    ring = KeyRing(load_settings(data=data).key_ring_file)
    copied = asyncio.run(_copy(source, address.dsn, ring))
    rows = [(each.table, str(each.rows), each.digest) for each in copied]
    document = {"source": str(source), "target": address.name, "tables": copied}

    def render(console: "Console") -> None:
        console.print(table("Copied and compared", ("Table", "Rows", "Digest"), rows))
        say(console, tr("Both sides are equal. Set `store` to the database on every node."), "green")

    emit(document, as_json, render)


async def _copy(source: Path, dsn: str, ring: "KeyRing") -> "tuple[Copied, ...]":
    from lingpai.cli.output import progress
    from lingpai.store.copying.copy import NotCopiedError, open_copy
    from lingpai.store.copying.tables import DifferentTablesError

    try:
        async with open_copy(source, dsn, ring) as work:
            with progress("Copying", work.total) as advance:
                return await work.run(advance)
    except NotCopiedError as error:
        raise Problem(tr(str(error))) from error
    except DifferentTablesError as error:
        text = "The store's schema is not this release's ({difference}); run `lingpai migrate` first."
        raise Problem(tr(text, difference=error)) from error
