"""All commands and groups of the command line, put together."""

from typing import Annotated

import typer

from lingpai import __version__
from lingpai.cli import (
    accounts,
    admins,
    apply,
    apps,
    audits,
    backups,
    callers,
    config,
    dev,
    doctor,
    grants,
    keys,
    migrate,
    realm_logins,
    registrations,
    resources,
    sandbox,
    serve,
    status,
    store,
    terminals,
    tokens,
    users,
)
from lingpai.cli.root import Root
from lingpai.cli.running import choose_server

app = typer.Typer(
    name="lingpai",
    cls=Root,
    help="Access tokens for open platforms: keeps the tokens that platforms issue to you, and "
    "issues tokens to third-party apps.",
    epilog="In a pipe, or with --json, every command writes one JSON document. "
    "Settings come from lingpai.toml, .env and LINGPAI_* variables.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lingpai {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
    server: Annotated[
        str,
        typer.Option(
            envvar="LINGPAI_SERVER",
            help="Work by the admin API of a running service, at this address or unix:PATH, with the key in the "
            "file that LINGPAI_ADMIN_KEY_FILE names. For `caller`.",
            show_default=False,
        ),
    ] = "",
) -> None:
    choose_server(server)


for _command in (
    dev.dev,
    serve.serve,
    sandbox.sandbox,
    apply.apply,
    doctor.doctor,
    status.status,
    migrate.migrate,
    backups.backup,
    backups.restore,
):
    app.command()(_command)
for _group in (
    accounts.app,
    callers.app,
    tokens.app,
    apps.app,
    resources.app,
    registrations.app,
    users.app,
    realm_logins.app,
    terminals.app,
    grants.app,
    audits.app,
    admins.app,
    keys.app,
    store.app,
    config.app,
):
    app.add_typer(_group)
