"""What the wings find wrong with a record, as a usage error in the user's language."""

from typing import TYPE_CHECKING

import typer

from lingpai.cli.messages import tr_reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lingpai.core.flaws import Flaw


def sentences(flaws: "Iterable[Flaw]") -> list[str]:
    """Return the sentences in the user's language."""
    return [tr_reason(flaw.text) for flaw in flaws]


def demand_none(flaws: "Iterable[Flaw]") -> None:
    """Go on when nothing is wrong.

    Raises:
        typer.BadParameter: with every flaw.
    """
    found = sentences(flaws)
    if found:
        raise typer.BadParameter(" ".join(found))
