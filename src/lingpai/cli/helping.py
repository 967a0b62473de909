"""Help texts in the user's language, whole on terminals of any width, with words for what options take."""

from collections.abc import Callable
from functools import partial
from typing import Any

import typer
from typer.core import TyperArgument

from lingpai.messages.translating import tr

HELP_OPTIONS = ["--help", "-h"]

PLACEHOLDERS = {
    "apps": "ACCOUNT",
    "rights": "RIGHT",
    "types": "TYPE",
    "app": "ACCOUNT",
    "redirect_uris": "URL",
    "senders": "PERCENT",
    "networks": "NETWORK",
    "domains": "HOST",
    "origins": "URL",
    "callback_token": "SECRET",
    "encoding_key": "SECRET",
    "former_encoding_key": "SECRET",
    "corpid": "NAME",
    "next_urls": "URL",
    "next_url": "URL",
    "server": "URL",
    "role": "NAME",
    "url": "URL",
    "context": "NAME",
    "expires": "DURATION",
    "after": "NUMBER",
    "actor": "NAME",
    "action": "NAME",
    "since": "DURATION",
    "target": "NAME",
    "access": "SECONDS",
    "after_code": "TERMINAL",
    "alg": "ALGORITHM",
    "id_token_alg": "ALGORITHM",
    "auth_method": "METHOD",
    "default_max_age": "SECONDS",
    "forward": "PATTERN",
    "hand_out": "WHAT",
    "jwks": "FILE",
    "jwks_uri": "URL",
    "post_logout_uri": "URL",
    "backchannel_logout_uri": "URL",
    "sector_identifier_uri": "URL",
    "lifetime": "DURATION",
    "number": "NUMBER",
    "uses": "NUMBER",
    "after_login": "LOGIN",
    "app_id": "APP",
    "avatar": "URL",
    "before": "NUMBER",
    "challenge": "CHALLENGE",
    "classic_quota": "NUMBER",
    "code": "TERMINAL",
    "code_lifetime": "SECONDS",
    "data": "FOLDER",
    "domain": "HOST",
    "environment": "WORD",
    "reason": "TEXT",
    "forced_gap": "SECONDS",
    "forced_quota": "NUMBER",
    "grant": "GRANT",
    "host": "ADDRESS",
    "introspector": "APP",
    "key_ring": "FILE",
    "kind": "KIND",
    "label": "LABEL",
    "limit": "NUMBER",
    "login": "LOGIN",
    "machine_code": "TERMINAL",
    "mode": "MODE",
    "msign": "SECRET",
    "name": "NAME",
    "network": "NETWORK",
    "nick": "NAME",
    "overlap": "DURATION",
    "owner": "LOGIN",
    "permission": "PERMISSION",
    "port": "PORT",
    "realm": "REALM",
    "redirect_uri": "URL",
    "sample_port": "PORT",
    "sandbox_port": "PORT",
    "scope": "SCOPE",
    "secret": "SECRET",
    "seller_name": "NAME",
    "sex": "1|2|3",
    "stable_quota": "NUMBER",
    "state": "FILE",
    "ticket_lifetime": "SECONDS",
    "token_lifetime": "SECONDS",
    "token_overlap": "SECONDS",
    "user_token_lifetime": "SECONDS",
    "workers": "NUMBER",
}
"""Placeholders of options' values, by the name of the parameter."""


def localise(command: Any) -> None:
    """Put the help texts of a command, and of those below it, into the user's language."""
    localise_alone(command)
    command.rich_help_panel = command.rich_help_panel or tr("Commands")
    for each in getattr(command, "commands", {}).values():
        localise(each)


def localise_alone(command: Any) -> None:
    """Put the help texts of a command into the user's language, but not those of the commands below it."""
    command.help = _translated(command.help)
    command.short_help = _translated(command.short_help)
    command.epilog = _translated(command.epilog)
    command.options_metavar = tr("[OPTIONS]")
    if hasattr(command, "commands"):
        command.subcommand_metavar = tr("COMMAND [ARGS]...")
    command.format_help = partial(_format_help, command.format_help)
    command.format_usage = lambda context, formatter: formatter.write_usage(
        context.command_path, " ".join(command.collect_usage_pieces(context)), prefix=tr("Usage: ")
    )
    # All commands get their help option here.
    for parameter in command.get_params(typer.Context(command, help_option_names=HELP_OPTIONS)):
        parameter.help = _translated(parameter.help)
        is_argument = isinstance(parameter, TyperArgument)
        panel = "Arguments" if is_argument else "Options"
        parameter.rich_help_panel = parameter.rich_help_panel or tr(panel)
        word = None if is_argument or parameter.is_flag else placeholder(parameter.name)
        parameter.display_type_rich = _constant(word)


def _format_help(format_help: Callable[[Any, Any], None], context: Any, formatter: Any) -> None:
    from lingpai.cli.help_tables import prepare_typer

    prepare_typer()
    format_help(context, formatter)


def placeholder(name: str) -> str:
    """Return the placeholder of an option's value, by parameter name; of typer's own options only SHELL has one."""
    return tr(PLACEHOLDERS.get(name, "WORD"))


def _constant(word: str | None) -> Any:
    return lambda *_context, **_named: word


def _translated(text: str | None) -> str | None:
    if not text:
        return text
    return "\n\n".join(tr(" ".join(paragraph.split())) for paragraph in text.split("\n\n"))
