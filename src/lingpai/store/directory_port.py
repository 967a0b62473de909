"""The issuer's directory in a store: apps, users, terminals, and users as apps know them.

It is a part of `issuer_port.IssuerStore`, and the rules of that module apply.
"""

from collections.abc import Sequence
from typing import Protocol

from lingpai.core.issuer_records import App, Member, Resource, Terminal
from lingpai.core.user_records import User, UserClaims


class Directory(Protocol):
    """Verbs on what operators configure and users are."""

    # Apps.

    async def add_app(self, app: App) -> App | None:
        """Insert an app. None when (realm, app_id) is taken."""
        ...

    async def find_app(self, realm: str, app_id: str) -> App | None:
        """The app with this public id."""
        ...

    async def read_app(self, app: int) -> App | None:
        """The app of this row."""
        ...

    async def list_apps(self, realm: str) -> tuple[App, ...]:
        """All apps of a realm, by public id."""
        ...

    async def change_app(self, known: App, app: App) -> bool:
        """Replace an app and its secrets, if all of it still is as `known`; its row and names stay.

        False when somebody changed or removed it meanwhile.
        """
        ...

    async def remove_app(self, app: int, known: App | None = None) -> bool:
        """Remove an app with its members; its grants are unusable from then on.

        False when there is none, or it is not as `known` any more, when that is given.
        """
        ...

    # Resource servers.

    async def find_resource(self, realm: str, uri: str) -> Resource | None:
        """The resource server of exactly this URI."""
        ...

    async def list_resources(self, realm: str) -> tuple[Resource, ...]:
        """All resource servers of a realm, by URI."""
        ...

    async def save_resource(self, resource: Resource) -> Resource:
        """Insert a resource server, or replace all but the time of the one with its URI; returns it as it is now."""
        ...

    async def replace_resource(self, known: Resource | None, resource: Resource) -> Resource | None:
        """As `save_resource`, if the stored one is still as `known` (None for none). None when it is not."""
        ...

    async def remove_resource(self, realm: str, uri: str) -> bool:
        """Remove a resource server. False when there is none."""
        ...

    # Users.

    async def add_user(self, user: User, password_hash: str) -> User | None:
        """Insert a user. None when the login is taken in the realm, in whatever spelling (`core.names.fold`).

        `password_hash` may be "": no login then.
        """
        ...

    async def find_user(self, user: int) -> User | None:
        """The user of this row."""
        ...

    async def find_login(self, realm: str, login: str) -> tuple[User, str] | None:
        """The user with exactly this login name, else in another spelling of it, and the hash of the password."""
        ...

    async def list_users(self, realm: str, after: int, limit: int) -> tuple[User, ...]:
        """Up to `limit` users of a realm with rows above `after`, oldest first."""
        ...

    async def find_users(self, realm: str, prefix: str, after: str, limit: int) -> tuple[User, ...]:
        """Return users of the realm whose login names begin with `prefix` in any spelling, by name.

        Args:
            realm: its name.
            prefix: of the login name; see `core.names.fold`.
            after: the folded login name before the page, or "".
            limit: how many at most.
        """
        ...

    async def find_claims(self, user: int) -> UserClaims | None:
        """Return the claims of the user of this row besides the profile; None when there is no such user."""
        ...

    async def change_claims(self, user: int, known: UserClaims, claims: UserClaims) -> bool:
        """Replace the claims of a user that still are as `known`. False when they are not, or there is no such user."""
        ...

    async def change_user(self, known: User, user: User, now: int) -> bool:
        """Replace a user's login, profile and `disabled`, if all of it still is as `known`.

        False when somebody changed or removed them meanwhile, or the login is taken. The sessions of a user who is
        disabled end.
        """
        ...

    async def key_logins(self, limit: int) -> int:
        """Give up to `limit` users the key by which other spellings of their login find them; returns how many.

        Whoever has the key of another user is found by their exact login alone.
        """
        ...

    async def list_twins(self, limit: int) -> tuple[tuple[str, str], ...]:
        """Realm and login of up to `limit` users who are found by their exact login alone.

        Others have the same login but for its spelling.
        """
        ...

    async def set_password(self, user: int, password_hash: str, now: int) -> bool:
        """Replace the password's hash and end the user's sessions. False when there is no such user."""
        ...

    async def replace_password(
        self, user: int, known_hash: str, password_hash: str, *, ended_at: int | None
    ) -> bool:
        """Replace the password's hash of a user who is not disabled, if it still is `known_hash`.

        False, and nothing happens, when it is not: of all who replace it, one does. At `ended_at`, if it is given, the
        user's sessions end.
        """
        ...

    async def add_users(self, users: Sequence[tuple[User, str]]) -> tuple[int, ...]:
        """Insert users with the hashes of their passwords ("" for none), all or none.

        Returns the positions of those whose login is taken in the realm, in whatever spelling; then none is inserted.
        The given logins differ from each other, in all spellings.
        """
        ...

    async def remove_user(self, user: int, now: int, known: User | None = None) -> bool:
        """Remove a user with their members and sessions.

        Their terminals lose their owner. False when none, or they are not as `known` any more, when that is given.
        """
        ...

    # Terminals.

    async def save_terminal(self, terminal: Terminal, now: int) -> Terminal:
        """Insert a terminal, or replace its name, owner and (when given) msign. Returns it as stored.

        When it had another owner, what that one had granted for it ends, codes that are still out too.
        """
        ...

    async def replace_terminal(self, known: Terminal | None, wanted: Terminal, now: int) -> Terminal | None:
        """Save a terminal as `save_terminal` does, when what operators set of it still is as `known` says.

        Args:
            known: as it was read; None when there has to be none of this code.
            wanted: what it is to be.
            now: when grants of another owner end.

        Returns:
            The terminal as stored; None when somebody else was faster.
        """
        ...

    async def find_terminal(self, realm: str, machine_code: str) -> Terminal | None:
        """The terminal with this code."""
        ...

    async def list_terminals(
        self, realm: str, owner: int | None, after: str, limit: int
    ) -> tuple[Terminal, ...]:
        """Up to `limit` terminals of a realm, or of one owner, with codes above `after`, by code."""
        ...

    async def set_key(self, terminal: int, digest: bytes, ends_at: int) -> bool:
        """Replace the key that a terminal shows. False when there is no such terminal."""
        ...

    async def bind_terminal(self, terminal: int, app: int) -> bool:
        """Bind a terminal to a self-owned app. False when it is bound to another, or one of the two is none."""
        ...

    async def unbind_terminal(self, terminal: int, app: int) -> bool:
        """Undo `bind_terminal`. False when it is not bound to this app."""
        ...

    async def remove_terminal(self, terminal: int) -> bool:
        """Remove a terminal; its grants are unusable from then on. False when there is none."""
        ...

    # Members: users as apps know them.

    async def open_member(self, member: Member, owner: str) -> Member:
        """The member of (app, user); inserted as given when there is none yet.

        With an `owner`, `member.union_id` is kept for (owner, user) unless there is one already.

        Raises:
            LingpaiError: INVALID_OPEN_ID: the app was removed meanwhile.
        """
        ...

    async def find_member(self, app: int, user: int) -> Member | None:
        """The member of (app, user)."""
        ...

    async def find_open_id(self, app: int, open_id: str) -> tuple[Member, User] | None:
        """The member with this open_id in this app, and the user."""
        ...

    async def save_consent(
        self, member: int, scope: str | None, permissions: Sequence[str], *, added: bool
    ) -> bool:
        """Replace what a user allowed an app. False when there is no such member."""
        ...

    async def import_open_ids(self, members: Sequence[Member]) -> int:
        """Insert members with given open_ids, all or none; returns how many.

        Raises:
            LingpaiError: INVALID_OPEN_ID when one is taken, or its user has another one in that app.
        """
        ...

    async def count_members(self, app: int) -> int:
        """Count the users who have added the app."""
        ...

    async def list_members(self, app: int, after: int, limit: int) -> tuple[Member, ...]:
        """Up to `limit` members who have added the app, with rows above `after`, oldest first."""
        ...

    async def list_added(self, user: int) -> tuple[Member, ...]:
        """The members that a user is of the apps they have added, oldest first."""
        ...
