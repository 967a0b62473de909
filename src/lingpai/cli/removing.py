"""Remove apps, users and terminals: find the entry, ask for confirmation, remove it in the same realm."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem
from lingpai.cli.realms import Realms, confirm, with_realms

if TYPE_CHECKING:
    from lingpai.issuer.context import Issuer

Found = TypeVar("Found")


def remove_one(
    named: tuple[str, str],
    find: "Callable[[Realms, str], Awaitable[tuple[Issuer, Found]]]",
    drop: "Callable[[Issuer, Found], Awaitable[bool]]",
    question: Callable[[str], str],
    *,
    realm: str,
    yes: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Remove one entry of a realm after confirmation, and print that.

    Args:
        named: the key of its name in JSON, and its name.
        find: finds it, by the realm's name.
        drop: removes it; False when it is removed already.
        question: the question, by the realm's name.
        realm: the value of `--realm`.
        yes: do not ask.
        data: the folder from the command line, or None.
        as_json: write JSON on a terminal too.

    Raises:
        Problem: it does not exist, or the operator does not confirm.
    """
    from lingpai.cli.output import done, emit

    async def look(realms: Realms) -> str:
        return (await find(realms, realm))[0].realm

    where = with_realms(data, look)
    confirm(question(where), yes=yes)

    async def remove(realms: Realms) -> bool:
        return await drop(*await find(realms, where))

    if not with_realms(data, remove):
        raise Problem(tr("Nothing was changed."))
    emit(
        {"realm": where, named[0]: named[1], "outcome": "removed"},
        as_json,
        done(tr("Removed {name}.", name=named[1])),
    )
