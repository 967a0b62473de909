"""Flaws of a record, which the wings find, as a usage error in the user's language."""

import contextlib
from typing import TYPE_CHECKING

import typer

from lingpai.messages.problems import Problem
from lingpai.messages.translating import sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lingpai.core.flaws import Flaw


def demand_none(flaws: "Iterable[Flaw]") -> None:
    """Go on when nothing is wrong.

    Raises:
        typer.BadParameter: with every flaw.
    """
    found = sentences(flaws)
    if found:
        raise typer.BadParameter(" ".join(found))


@contextlib.contextmanager
def telling(**texts: str) -> "Iterator[None]":
    """Say errors of the operating port as the command line does: flaws as a usage error, others by the given texts.

    Args:
        texts: by the name of the kind of error.

    Raises:
        typer.BadParameter: with every flaw.
        Problem: an error of one of these kinds.
    """
    from lingpai.core.errors import LingpaiError
    from lingpai.core.flaws import FlawsError

    try:
        yield
    except FlawsError as error:
        demand_none(error.flaws)
    except LingpaiError as error:
        if error.kind.name not in texts:
            raise
        raise Problem(texts[error.kind.name]) from error
