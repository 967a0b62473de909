"""Open the issuer for commands: the realms of the settings, on the same store as the service's workers."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem
from lingpai.cli.running import with_keeper

if TYPE_CHECKING:
    from lingpai.core.issuer_records import App, Terminal
    from lingpai.core.user_records import User
    from lingpai.issuer.context import Issuer
    from lingpai.issuer.dialect import Dialect
    from lingpai.keeper.keeper import Keeper
    from lingpai.settings import Settings

T = TypeVar("T")
Found = TypeVar("Found")
Able = Callable[["Dialect"], bool]

RealmName = Annotated[
    str,
    typer.Option(
        "--realm",
        help="Realm of the issuer, or its protocol; not needed when only one can be meant.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.", show_default=False)]


def any_dialect(_dialect: "Dialect") -> bool:
    """Return True: realms of every dialect can be meant."""
    return True


class Realms:
    """The issuers of all realms, and which of them an operator means.

    A realm that is switched off is meant only by who names it.

    Args:
        issuers: by the realms' names.
        dialects: the dialect of each realm that is served.
        named: the realms that settings name.
    """

    def __init__(
        self,
        issuers: "Mapping[str, Issuer]",
        dialects: Mapping[str, str],
        named: frozenset[str] = frozenset(),
    ) -> None:
        self.issuers = issuers
        self._dialects = dialects
        self._named = named

    def some(self, name: str, able: Able = any_dialect) -> "list[Issuer]":
        """Return the realm of this name, or the enabled ones of this dialect; for "", all enabled ones.

        Args:
            name: of a realm or a dialect, or "".
            able: with "", whether realms of a dialect can be meant.

        Raises:
            Problem: there is none.
        """
        from lingpai.issuer.dialects.registry import dialects

        if name in self.issuers:
            return [self.issuers[name]]
        found = [
            self.issuers[realm]
            for realm, dialect in self._dialects.items()
            if name == dialect or (not name and able(dialects()[dialect]))
        ]
        if not found and name:
            known = ", ".join(self.issuers) or "–"
            raise Problem(tr("There is no realm {name}; known realms: {known}.", name=name, known=known))
        return found

    def one(self, name: str, able: Able = any_dialect) -> "Issuer":
        """Return the realm that the options identify.

        Args:
            name: a realm, a dialect, or "" for the only one there is, else the only one that settings name.
            able: with "", whether realms of a dialect can be meant.

        Raises:
            Problem: there is none, or several.
        """
        found = self.some(name, able)
        if not found:
            names = ", ".join(self.issuers) or "–"
            text = "All realms are switched off; name one of them with --realm: {names}."
            if self._dialects:
                text = "No realm that is switched on can do this; name one with --realm: {names}."
            raise Problem(tr(text, names=names))
        named = [issuer for issuer in found if issuer.realm in self._named]
        if len(named) == 1:
            return named[0]
        if len(found) > 1:
            names = ", ".join(issuer.realm for issuer in found)
            raise Problem(tr("The realm is ambiguous: {names}. Name one of them with --realm.", names=names))
        return found[0]

    async def app(self, app_id: str, name: str) -> "tuple[Issuer, App]":
        """Return the app with this id, and its realm.

        Raises:
            Problem: there is none, or several realms have one.
        """
        found = [
            (issuer, app)
            for issuer in self.some(name)
            if (app := await issuer.store.find_app(issuer.realm, app_id)) is not None
        ]
        text = tr("There is no app {name}; `lingpai app list` shows all.", name=app_id)
        return _only(found, text)

    async def user(self, login: str, name: str, able: Able = any_dialect) -> "tuple[Issuer, User]":
        """Return the user with this login name, and their realm.

        Raises:
            Problem: there is none, or several realms have one.
        """
        found = [
            (issuer, known[0])
            for issuer in self.some(name, able)
            if (known := await issuer.store.find_login(issuer.realm, login)) is not None
        ]
        text = tr("There is no user {name}; `lingpai user list` shows all.", name=login)
        return _only(found, text)

    async def terminal(self, code: str, name: str) -> "tuple[Issuer, Terminal]":
        """Return the terminal with this code, and its realm.

        Raises:
            Problem: there is none, or several realms have one.
        """
        found = [
            (issuer, terminal)
            for issuer in self.some(name)
            if (terminal := await issuer.store.find_terminal(issuer.realm, code)) is not None
        ]
        text = tr("There is no terminal {name}; `lingpai machine list` shows all.", name=code)
        return _only(found, text)


async def open_realms(settings: "Settings", keeper: "Keeper") -> Realms:
    """Open the realms on an open keeper's store.

    Raises:
        SettingsError: a realm's policy is not valid.
        LingpaiError: STORE_UNAVAILABLE.
    """
    from lingpai.service import issuers_of

    issuers = await issuers_of(settings, keeper, disabled=True)
    if keeper.actor is not None:
        issuers = {name: issuer.by(keeper.actor) for name, issuer in issuers.items()}
    dialects = {realm.name: realm.dialect for realm in settings.enabled_realms()}
    return Realms(issuers, dialects, settings.named_realms())


def with_realms(data: Path | None, work: "Callable[[Realms], Awaitable[T]]", *, create: bool = False) -> T:
    """Run `work` with the realms and return its result, as `running.with_keeper` does."""
    from lingpai.settings import load_settings

    async def over(keeper: "Keeper") -> T:
        return await work(await open_realms(load_settings(data=data), keeper))

    return with_keeper(data, over, create=create)


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


def _only(found: "list[tuple[Issuer, Found]]", none: str) -> "tuple[Issuer, Found]":
    if not found:
        raise Problem(none)
    if len(found) > 1:
        names = ", ".join(issuer.realm for issuer, _ in found)
        raise Problem(tr("The realm is ambiguous: {names}. Name one of them with --realm.", names=names))
    return found[0]
