"""Where apps are found: in the store, or, in dialects that have such, at an address that is the app's id."""

from typing import Protocol

from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.apps import find_app


class AppSource(Protocol):
    """Finds the apps of one realm."""

    async def find(self, app_id: str, address: str) -> App:
        """Return the app of this id as it is now, usable or not; its row is 0 while the store does not have it.

        Args:
            app_id: as given.
            address: of the caller, who may not make us look for any number of apps.

        Raises:
            LingpaiError: UNKNOWN_APP, INVALID_CLIENT_METADATA, TOO_MANY_REQUESTS, STORE_UNAVAILABLE.
        """
        ...

    async def keep(self, app: App) -> App:
        """Return an app that was found, once the store has it as it is; its user has just consented, or had before.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        ...


class StoredApps(AppSource):
    """The apps that the store has, and no others.

    Args:
        issuer: the realm.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    @override
    async def find(self, app_id: str, address: str) -> App:
        del address
        return await find_app(self._issuer, app_id)

    @override
    async def keep(self, app: App) -> App:
        return app


async def found_by(apps: AppSource, app_id: str, address: str) -> App | None:
    """Return the app of this id, None when there is none; see `AppSource.find`."""
    try:
        return await apps.find(app_id, address)
    except LingpaiError as error:
        if error.kind is not Kind.UNKNOWN_APP:
            raise
        return None
