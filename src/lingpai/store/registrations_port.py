"""Apps that register themselves, in a store.

It is a part of `issuer_port.IssuerStore`, and the rules of that module apply.
"""

from typing import Protocol

from lingpai.core.issuer_records import App
from lingpai.core.registration_records import InitialToken


class Registrations(Protocol):
    """Verbs on apps that register themselves (RFC 7591, 7592), and on the tokens with which they may."""

    async def add_initial_token(self, token: InitialToken) -> InitialToken:
        """Insert an initial access token and return it with its row."""
        ...

    async def read_initial_token(self, token: int) -> InitialToken | None:
        """The initial access token of this row."""
        ...

    async def list_initial_tokens(self, realm: str) -> tuple[InitialToken, ...]:
        """All initial access tokens of a realm, oldest first; those that ended a while ago are gone."""
        ...

    async def remove_initial_token(self, realm: str, token: int) -> bool:
        """Remove an initial access token. False when the realm has none of this row."""
        ...

    async def register_app(
        self, app: App, now: int, *, initial: InitialToken | None = None, unused_until: int | None = None
    ) -> App | None:
        """Insert an app, and take one use of the initial token; of all who take the last one, one does.

        An initial token without uses left ends `now`. With `unused_until`, see `remove_unused_apps`.

        None, and nothing happens, when the token has ended or was used up, or (realm, app_id) is taken.
        """
        ...

    async def remove_registered_app(self, app: App) -> bool:
        """Remove an app that was read, with its members; its grants are unusable from then on.

        False, and nothing happens, when it was removed, or its row is another app's by now.
        """
        ...

    async def remove_unused_apps(self, now: int, limit: int) -> int:
        """Look at up to `limit` apps whose `unused_until` is over, once each; returns how many that were.

        Those that no user is a member of and that registered themselves are removed.
        """
        ...

    async def has_members(self, app: int) -> bool:
        """True when any user ever allowed the app something, even if they took it back since."""
        ...
