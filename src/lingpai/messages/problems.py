"""Expected errors, as one line with the remedy.

What they need is imported when there is one: most commands have none.
"""

# ruff: noqa: PLC0415

import errno
import socket

from lingpai.core.text import TextError
from lingpai.messages.translating import tr, tr_description, tr_reason

REFUSED_BY_DATABASE = ("InvalidPassword", "InvalidAuthorization", "InvalidCatalogName")
"""PostgreSQL's refusals of a user, a password or a database; a retry does not help."""
OVERTAKEN = "It was changed at the same time by another command; run this command again."
NO_ADDRESS_FOR_US = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)


class SettingsError(Exception):
    """The settings are not usable; `problems` has one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Problem(Exception):
    """An error that the operator can correct; the message says how. Ends the command with exit code 1."""


def demand_other_address(error: OSError, host: str, *ports: int) -> None:
    """Name the address, which errors of sockets do not, when that is what an error is about.

    Raises:
        Problem: we cannot listen there.
    """
    of_socket = error.errno in NO_ADDRESS_FOR_US and error.filename is None
    if of_socket or isinstance(error, socket.gaierror):
        text = (
            "Cannot listen on {host}, port {ports}: {problem}. Choose another port, or stop "
            "the program that uses it."
        )
        raise Problem(
            tr(text, host=host, ports=", ".join(map(str, ports)), problem=error.strerror)
        ) from error


def not_text(error: TextError) -> str:
    """Return the line for input that is not UTF-8 text, in the user's language."""
    return tr("{place} is {problem}.", place=tr(error.place), problem=tr_reason(error.problem))


def explain(error: Exception) -> str | None:
    """Return the line for an expected error, in the user's language; None for a bug.

    It never contains a secret: the messages of all these exceptions are made for users.
    """
    from lingpai.core.plugins import PluginError

    if isinstance(error, PluginError):  # before the settings: they cannot be loaded either
        return _explain_plugin(error)
    return _explain(error)


def _explain_plugin(error: Exception) -> str:
    from lingpai.core.plugins import DescriptionError

    if not isinstance(error, DescriptionError):
        return tr_reason(str(error))
    problem = tr_description(error.problem)
    return tr(
        "{file}:{line}: {problem}. Correct it, then run `lingpai platform check {file}`.",
        file=error.file,
        line=error.line,
        problem=f"{error.value}: {problem}" if error.value else problem,
    )


def _explain(error: Exception) -> str | None:
    from lingpai.core.errors import Kind, LingpaiError
    from lingpai.core.keyring import KeyRingError
    from lingpai.core.seals import SealError

    if isinstance(error, SealError):
        return tr(
            "{problem} The store and the key ring do not belong together: copy the key ring of the node where the key "
            "was rotated, or restore both from one backup.",
            problem=tr_reason(str(error.__cause__ or error)),
        )
    if isinstance(error, LingpaiError):
        text = tr_reason(error.reason)
        if error.kind is Kind.UPSTREAM_REFUSED and error.code is not None:
            text = tr("The platform answered {code}: {message}", code=error.code, message=error.reason)
        elif error.kind is Kind.STORE_UNAVAILABLE and error.detail.startswith(REFUSED_BY_DATABASE):
            text = tr(
                (
                    "The database refuses the user, password or database name in the setting "
                    "`store`: {problem}."
                ),
                problem=error.detail,
            )
        elif error.kind is Kind.STORE_UNAVAILABLE and error.detail:
            text = f"{text} ({error.detail})"
        return text
    if isinstance(error, SettingsError):
        problems = "".join(f"\n  - {tr_reason(problem)}" for problem in error.problems) + "\n"
        return tr("The settings are not valid:{problems}Correct them and try again.", problems=problems)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return tr(
            "{problem}{where}. Check the path and its permissions.",
            problem=error.strerror,
            where=where,
        )
    if isinstance(error, Problem):
        return tr(str(error))
    return tr_reason(str(error)) if isinstance(error, KeyRingError) else None
