"""Read the password of a user, or the hash of one, and check it before anything is sent."""

import typer


def read_checked_hash() -> str:
    """Read the hash that another system made of a password from standard input.

    Raises:
        typer.BadParameter: it is none that can be used.
    """
    from lingpai.cli.secret_input import read_input
    from lingpai.core.text import trimmed
    from lingpai.operating.sections.checking import hash_problems

    hashed = trimmed(read_input())
    problems = hash_problems(hashed)
    if problems:
        raise typer.BadParameter(" ".join(problems))
    return hashed


def read_checked_password(*, from_stdin: bool) -> str:
    """Read a password; see `secret_input.read_password`.

    Raises:
        typer.BadParameter: there is none, or it cannot be one.
    """
    from lingpai.cli.secret_input import read_password
    from lingpai.operating.sections.checking import password_problems

    password = read_password(from_stdin=from_stdin)
    problems = password_problems(password)
    if problems:
        raise typer.BadParameter(" ".join(problems))
    return password
