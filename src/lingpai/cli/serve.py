"""`lingpai serve`: the service for production."""

from pathlib import Path
from typing import Annotated

import typer

from lingpai.cli.running import demand_host


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes; about one per core.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the embedded store and the key ring.")] = None,
) -> None:
    """Serve in production: settings from lingpai.toml, .env and LINGPAI_*; no sample data."""
    demand_host()
    from lingpai.cli.server import become_server

    become_server(host=host, port=port, workers=workers, data=data)
