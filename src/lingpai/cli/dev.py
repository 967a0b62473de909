"""`lingpai dev`: the service, the sandbox and a sample app on one host, for development."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from lingpai.cli.running import demand_host
from lingpai.messages.problems import demand_other_address


def dev(
    *,
    host: Annotated[
        str, typer.Option(help="Address of the service; sandbox and sample app stay on loopback.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port of the service; 0 takes a free one.")] = 8000,
    sandbox_port: Annotated[int, typer.Option(help="TCP port of the sandbox; 0 takes a free one.")] = 8001,
    sample_port: Annotated[
        int | None, typer.Option(help="TCP port of the sample app; default: the service's plus two.")
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder for all data.")] = Path(".lingpai"),
    token_lifetime: Annotated[
        float, typer.Option(help="Lifetime of the sandbox's tokens in seconds; short, to watch renewals.")
    ] = 7200,
) -> None:
    """Start the service, the sandbox of upstream platforms, a sample app, sample accounts and a caller key."""
    demand_host()
    import uvloop

    from lingpai.development import develop

    if sample_port is None:
        sample_port = port + 2 if port else 0
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(
                develop(host, port, sandbox_port, data.absolute(), token_lifetime, sample_port=sample_port)
            )
    except OSError as error:
        demand_other_address(error, host, port, sandbox_port, sample_port)
        raise
