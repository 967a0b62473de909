"""The realms of the issuer for commands, by the operating port: which one an operator means, and what is in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lingpai.cli.listing import read_all
from lingpai.cli.running import Steps, with_operating
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lingpai.operating.port import Key, Operating
    from lingpai.operating.realm_choice import Able, RealmChoice

T = TypeVar("T")
Found = dict[str, Any]

RealmName = Annotated[
    str,
    typer.Option(
        "--realm",
        help="Realm of the issuer, or its protocol; not needed when only one can be meant.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.", show_default=False)]


class Realms:
    """The realms that there are, and what is in them.

    Args:
        port: reads them.

    Attributes:
        port: for what else a command does.
    """

    def __init__(self, port: "Operating") -> None:
        self.port = port
        self._choice: RealmChoice | None = None

    async def document(self, realm: str) -> Found:
        """Return what is shown of a realm."""
        return (await self.port.read("realms", (realm,))).document

    async def some(self, name: str, able: "Able | None" = None) -> list[str]:
        """Return the names of the realms that are meant; see `realm_choice.RealmChoice.some`."""
        from lingpai.operating.realm_choice import any_realm

        choice = await self._choice_for(name)
        return [each.name for each in choice.some(name, able or any_realm)]

    async def one(self, name: str, able: "Able | None" = None) -> str:
        """Return the name of the realm that is meant; see `realm_choice.RealmChoice.one`."""
        from lingpai.operating.realm_choice import any_realm

        choice = await self._choice_for(name)
        return choice.one(name, able or any_realm).name

    async def app(self, app_id: str, name: str) -> Found:
        """Return the app with this id.

        Raises:
            Problem: there is none.
            LingpaiError: several realms have one.
        """
        text = tr("There is no app {name}; `lingpai app list` shows all.", name=app_id)
        return _only([await self._find("apps", realm, app_id) for realm in await self.some(name)], text)

    async def user(self, login: str, name: str, able: "Able | None" = None) -> Found:
        """Return the user with this login name.

        Raises:
            Problem: there is none.
            LingpaiError: several realms have one.
        """
        found: list[Found | None] = []
        for realm in await self.some(name, able):
            found += (await self.port.list("users", (realm,), {"login": login}, limit=1)).items
        return _only(found, tr("There is no user {name}; `lingpai user list` shows all.", name=login))

    async def terminal(self, code: str, name: str) -> Found:
        """Return the terminal with this code.

        Raises:
            Problem: there is none.
            LingpaiError: several realms have one.
        """
        text = tr("There is no terminal {name}; `lingpai machine list` shows all.", name=code)
        return _only([await self._find("machines", realm, code) for realm in await self.some(name)], text)

    async def _find(self, kind: str, realm: str, name: str) -> Found | None:
        return await find(self.port, kind, (realm, name)) if name else None

    async def _choice_for(self, name: str) -> "RealmChoice":
        """Read the realm of a name alone, which who may see to one realm may do, else all realms."""
        from lingpai.operating.realm_choice import RealmChoice, RealmFacts

        if self._choice is None:
            one = await find(self.port, "realms", (name,)) if name else None
            if one is not None:
                return RealmChoice([RealmFacts.of(one)])
            self._choice = RealmChoice(map(RealmFacts.of, await read_all(self.port, "realms")))
        return self._choice


async def find(port: "Operating", kind: str, key: "Key") -> Found | None:
    """Return a thing's document, or None when there is none of this key."""
    from lingpai.core.errors import Kind, LingpaiError

    try:
        return (await port.read(kind, key)).document
    except LingpaiError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
        return None


def user_key(user: Found) -> "Key":
    """Return the key of a user, by their document."""
    return (user["realm"], user["uid"])


def with_realms(
    data: Path | None,
    work: "Callable[[Realms], Awaitable[T]]",
    *,
    create: bool = False,
    steps: Steps | None = None,
) -> T:
    """Run `work` with the realms and return its result; see `running.with_operating`."""

    async def over(port: "Operating") -> T:
        return await work(Realms(port))

    return with_operating(data, over, create=create, steps=steps)


def confirm(question: str, *, yes: bool) -> None:
    """Ask the operator to confirm.

    Raises:
        typer.BadParameter: not a terminal.
        Problem: the operator does not confirm.
    """
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(tr("Not running in a terminal; pass --yes to confirm."))
    if not typer.confirm(question, err=True):
        raise Problem(tr("Nothing was changed."))


def _only(found: "list[Found | None]", none: str) -> Found:
    from lingpai.operating.realm_choice import ambiguous

    there = [each for each in found if each is not None]
    if not there:
        raise Problem(none)
    if len(there) > 1:
        raise ambiguous(each["realm"] for each in there)
    return there[0]
