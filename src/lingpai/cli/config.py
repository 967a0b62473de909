"""`lingpai config`: the settings as they are in effect, and where each of them was set."""

from typing import Annotated, Any

import typer

from lingpai.cli.running import Data, Json, demand_host
from lingpai.messages.translating import tr

app = typer.Typer(name="config", help="The effective settings and their sources.", no_args_is_help=True)


@app.command("show")
def show(
    *,
    changed: Annotated[
        bool,
        typer.Option("--changed", help="Only settings that differ from their default.", show_default=False),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show every setting with its value and its source. Passwords are not shown."""
    demand_host()
    from lingpai.cli.effective import effective_settings
    from lingpai.cli.output import emit, table
    from lingpai.settings import load_settings

    found = [
        {"setting": each.name, "value": each.value, "source": each.source or "default"}
        for each in effective_settings(load_settings(data=data), data)
        if each.source or not changed
    ]
    rows = [(each["setting"], _shown(each["value"]), _source(each["source"])) for each in found]
    columns = ("Setting", "Value", "Source")
    emit(found, as_json, lambda console: console.print(table("Settings", columns, rows)))


def _source(source: str) -> str:
    return tr(source) if source in ("default", "command line") else source


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    return str(value)
