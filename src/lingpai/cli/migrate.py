"""`lingpai migrate`: the store's schema, ahead of a release."""

from typing import TYPE_CHECKING, Annotated

import typer

from lingpai.cli.running import Data, Json, demand_host
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console


def migrate(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what is pending.", show_default=False)
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Update the store's schema to this release.

    The previous release also runs on the new schema, so you can migrate before you upgrade.
    """
    demand_host()
    from lingpai import settings
    from lingpai.cli.output import emit, say, table
    from lingpai.store import migrate as schema

    address = settings.load_settings(data=data).store_address
    names = schema.pending(address) if dry_run else schema.migrate(address)
    title = "Pending migrations" if dry_run else "Applied migrations"

    def render(console: "Console") -> None:
        if names:
            console.print(table(title, ("Name",), [(name,) for name in names]))
        else:
            say(console, tr("The schema is up to date."), "green")

    emit({"dry_run": dry_run, "pending" if dry_run else "applied": names}, as_json, render)
