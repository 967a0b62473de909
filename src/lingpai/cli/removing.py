"""Remove things of the issuer: find the entry, ask for confirmation, remove the same one."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lingpai.cli.realms import Realms, confirm, with_realms
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from lingpai.operating.port import Key


def remove_one(
    kind: str,
    named: tuple[str, str],
    find: "Callable[[Realms], Awaitable[dict[str, Any]]]",
    key: "Callable[[dict[str, Any]], Key]",
    question: Callable[[str], str],
    *,
    yes: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Remove one entry of a realm after confirmation, and print that.

    Args:
        kind: of the thing, as the operating port names it.
        named: the key of its name in JSON, and its name.
        find: finds its document.
        key: returns its key, by its document.
        question: the question, by the realm's name.
        yes: do not ask.
        data: the folder from the command line, or None.
        as_json: write JSON on a terminal too.

    Raises:
        Problem: it does not exist, or the operator does not confirm.
    """
    from lingpai.cli.output import done, emit
    from lingpai.core.errors import Kind, LingpaiError

    found = with_realms(data, find)
    confirm(question(found["realm"]), yes=yes)

    async def remove(realms: Realms) -> None:
        try:
            await realms.port.remove(kind, key(found))
        except LingpaiError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            raise Problem(tr("Nothing was changed.")) from error

    with_realms(data, remove)
    emit(
        {"realm": found["realm"], named[0]: named[1], "outcome": "removed"},
        as_json,
        done(tr("Removed {name}.", name=named[1])),
    )
