"""Read an app secret.

The command line is never the only way, as other users of the host can read it.
"""

import sys

import typer

from lingpai.cli.output import note
from lingpai.core.text import TextError, read_text, trimmed
from lingpai.messages.problems import not_text
from lingpai.messages.translating import tr


def read_input() -> str:
    """Read standard input to its end.

    Raises:
        typer.BadParameter: it is no text.
    """
    try:
        return read_text(sys.stdin.buffer.read(), "Standard input")
    except TextError as error:
        raise typer.BadParameter(not_text(error)) from error


def read_secret(given: str | None, *, from_stdin: bool) -> str:
    """Return the secret, without blanks, line ends or a pair of quotes around it.

    Args:
        given: of `--secret`, or None.
        from_stdin: whether to read standard input to its end.

    Raises:
        typer.BadParameter: there is none, or it was given twice.
    """
    if given is not None and from_stdin:
        raise typer.BadParameter(tr("Use either --secret or --secret-stdin."))
    if given is not None:
        note(
            tr(
                "Note: a secret on the command line stays in the shell's history; with "
                "--secret-stdin or the prompt it does not."
            )
        )
        secret = given
    elif from_stdin:
        secret = read_input()
    elif sys.stdin.isatty():
        secret = str(typer.prompt(tr("Secret (not shown)"), hide_input=True, err=True))
    else:
        raise typer.BadParameter(
            tr("No secret was given. Pipe it in with --secret-stdin, or run this command in a terminal.")
        )
    secret = trimmed(secret)
    if not secret:
        raise typer.BadParameter(tr("The secret is empty."))
    return secret


def read_password(*, from_stdin: bool) -> str:
    """Read a user's password, typed twice on a terminal. Blanks are part of it, the last line end is not.

    Args:
        from_stdin: whether to read standard input to its end.

    Raises:
        typer.BadParameter: there is none.
    """
    if from_stdin:
        password = read_input().removesuffix("\n").removesuffix("\r")
    elif sys.stdin.isatty():
        again = tr("Repeat it")
        password = str(
            typer.prompt(tr("Password (not shown)"), hide_input=True, confirmation_prompt=again, err=True)
        )
    else:
        raise typer.BadParameter(
            tr("No password was given. Pipe it in with --password-stdin, or run this command in a terminal.")
        )
    if not password:
        raise typer.BadParameter(tr("The password is empty."))
    return password
