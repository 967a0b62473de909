"""``lingpai sandbox``: the imitated upstream platforms, on their own."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from lingpai.cli.running import demand_host


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 8001,
    state: Annotated[Path | None, typer.Option(help="File that keeps the state across restarts.")] = None,
    token_lifetime: Annotated[float, typer.Option(help="Seconds an access token lives.")] = 7200,
    token_overlap: Annotated[
        float | None,
        typer.Option(help="Seconds a replaced token stays valid; by default 1/24 of its life, at most 300."),
    ] = None,
    ticket_lifetime: Annotated[float, typer.Option(help="Seconds a ticket lives.")] = 7200,
    code_lifetime: Annotated[float, typer.Option(help="Seconds a login code lives.")] = 300,
    user_token_lifetime: Annotated[float, typer.Option(help="Seconds a user's access token lives.")] = 7200,
    classic_quota: Annotated[int, typer.Option(help="/cgi-bin/token calls per app and day.")] = 2000,
    stable_quota: Annotated[int, typer.Option(help="/cgi-bin/stable_token calls per app and day.")] = 500_000,
    forced_quota: Annotated[int, typer.Option(help="Forced refreshes per app and day.")] = 20,
    forced_gap: Annotated[float, typer.Option(help="Seconds between two forced refreshes.")] = 30,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Additional host name for the sandbox; other non-local names are refused."),
    ] = None,
) -> None:
    """Serve an imitation of the WeChat and WeCom APIs, with sample accounts and controls under /_sandbox/."""
    demand_host()
    import apsw
    import msgspec

    from lingpai.core.clock import SystemClock
    from lingpai.keeper.platforms.imitation import Imitations
    from lingpai.keeper.platforms.registry import platform_types
    from lingpai.sandbox.options import SandboxOptions
    from lingpai.sandbox.serve import serve

    try:
        options = SandboxOptions(
            token_lifetime=token_lifetime,
            token_overlap=token_overlap,
            ticket_lifetime=ticket_lifetime,
            code_lifetime=code_lifetime,
            user_token_lifetime=user_token_lifetime,
            classic_quota=classic_quota,
            stable_quota=stable_quota,
            forced_quota=forced_quota,
            forced_gap=forced_gap,
            hosts=tuple(name or ()),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None

    def listening(url: str) -> None:
        typer.echo(f"Sandbox listening on {url}")
        typer.echo(f"  accounts: {url}/_sandbox/accounts   calls: {url}/_sandbox/calls")
        for app in options.apps:
            typer.echo(f"  WeChat  {app.appid}  {app.name}")
        for corp in options.corps:
            typer.echo(f"  WeCom   {corp.corpid}  {corp.name}")
        for each in platform_types().values():
            for account in each.samples:
                typer.echo(f"  {each.name}  {account}")

    try:
        others = Imitations(platform_types().values(), SystemClock(), token_lifetime)
        asyncio.run(serve(options, host, port, state, listening, others))
    except OSError as error:
        typer.echo(f"cannot listen on {host}:{port}: {error.strerror}. Choose another with --port.", err=True)
        raise typer.Exit(1) from None
    except (apsw.Error, msgspec.DecodeError) as error:
        typer.echo(f"{state} is no state of this sandbox ({error}). Choose another with --state.", err=True)
        raise typer.Exit(1) from None
