"""All commands and groups of the command line, put together."""

from typing import Annotated

import typer

from lingpai import __version__
from lingpai.cli.root import Root
from lingpai.cli.running import choose_server
from lingpai.messages.translating import tr

_COMMANDS = {
    "dev": "dev:dev",
    "serve": "serve:serve",
    "sandbox": "sandbox:sandbox",
    "apply": "apply:apply",
    "export": "export:export",
    "doctor": "doctor:doctor",
    "status": "status:status",
    "console": "console:console",
    "migrate": "migrate:migrate",
    "backup": "backups:backup",
    "restore": "backups:restore",
    "account": "accounts:app",
    "authorizer": "authorizers:app",
    "caller": "callers:app",
    "token": "tokens:app",
    "platform": "platforms:app",
    "app": "apps:app",
    "resource": "resources:app",
    "registration": "registrations:app",
    "user": "users:app",
    "realm": "realm_logins:app",
    "machine": "terminals:app",
    "grant": "grants:app",
    "hook": "hooks:app",
    "relay": "relays:relay_app",
    "environment": "relays:environment_app",
    "audit": "audits:app",
    "admin": "admins:app",
    "context": "contexts:app",
    "key": "keys:app",
    "store": "store:app",
    "config": "config:app",
}
"""Each command and group, and where it is: `module:attribute` in `lingpai.cli`."""


class _Lingpai(Root):
    paths = _COMMANDS


app = typer.Typer(
    name="lingpai",
    cls=_Lingpai,
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
    command: typer.Context,
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
    context: Annotated[
        str,
        typer.Option(help="Work on the server of this name, see `lingpai context`.", show_default=False),
    ] = "",
) -> None:
    source = command.get_parameter_source("server")
    typed = source is not None and source.name == "COMMANDLINE"
    if typed and context:
        raise typer.BadParameter(tr("Use either --server or --context."))
    choose_server("" if context else server, context=context, typed=typed or bool(context))
