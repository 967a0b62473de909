"""The issuer's verbs of a store: what every engine implements for it besides `store.port.Store`.

What holds for the verbs of `Store` holds here: each is one whole, durable, atomic operation, and may raise
`LingpaiError(STORE_UNAVAILABLE)`, and then nothing of it has happened, as far as can be known. Reads see the
commits of every process. Times (`now`, `ends_at`, …) are whole unix seconds of the issuer's time, passed in
by the caller; see `anchor`.
"""

import enum
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from lingpai.core.issuer_records import (
    App,
    AuthorizationRequest,
    Grant,
    GrantKind,
    GrantView,
    Machine,
    Member,
    Secret,
    Session,
    User,
)


class Quota(NamedTuple):
    """One taking of a daily quota: for `app` and `subject` (a terminal's row, or 0) on `day`, at most `limit`.

    `day` counts days since 1970 in the quota's calendar; `ends_at` is when that day is over.
    """

    app: int
    subject: int
    day: int
    limit: int
    ends_at: int


class Outcome(enum.Enum):
    """What came of spending a code or a refresh token."""

    DONE = "done"
    REPEATED = "repeated"
    """A refresh token again, inside its window: the grant stands as the first use left it."""
    REPLAYED = "replayed"
    """It was spent before."""
    GONE = "gone"
    """The grant has ended, was superseded, or does not exist."""
    LIMITED = "limited"
    """The quota is used up; nothing was spent."""


class Spent(NamedTuple):
    """Outcome of `redeem` and `rotate`, and the grant as it stands after it (None when there is none)."""

    outcome: Outcome
    grant: Grant | None


class Placed(NamedTuple):
    """Outcome of `place`: the grant that holds the place now, or None when the quota is used up."""

    grant: Grant | None
    shared: bool


class Listed(NamedTuple):
    """A page of grants for operators, newest first.

    `before` is where the next page begins, None at the end.
    """

    views: tuple[GrantView, ...]
    before: int | None


class IssuerStore(Protocol):
    """All verbs of the issuer. See the module's docstring for what holds for each of them."""

    async def anchor(self) -> float:
        """Unix time minus steady time, as the first process of this epoch of the steady time found it.

        With it, the issuer's time is `steady + anchor`: the same in all processes, and no step of the wall
        clock touches it until the machine starts anew.
        """
        ...

    # Apps.

    async def save_app(self, app: App) -> App:
        """Insert an app, or replace all of it but its row and its birth when (realm, app_id) is there.

        Returns it as stored.
        """
        ...

    async def add_app(self, app: App) -> App | None:
        """Insert an app. None when (realm, app_id) is taken."""
        ...

    async def find_app(self, realm: str, app_id: str) -> App | None:
        """The app with this public id."""
        ...

    async def list_apps(self, realm: str) -> tuple[App, ...]:
        """All apps of a realm, by public id."""
        ...

    async def set_secrets(self, app: int, secrets: Sequence[Secret]) -> bool:
        """Replace an app's secrets. False when there is no such app."""
        ...

    async def remove_app(self, app: int) -> bool:
        """Remove an app with its members; its grants are unusable from then on. False when there is none."""
        ...

    # Users.

    async def add_user(self, user: User, password_hash: str) -> User | None:
        """Insert a user. None when (realm, login) is taken. `password_hash` may be "": no login then."""
        ...

    async def find_user(self, user: int) -> User | None:
        """The user of this row."""
        ...

    async def find_login(self, realm: str, login: str) -> tuple[User, str] | None:
        """The user with this login name, and the hash of the password."""
        ...

    async def list_users(self, realm: str, after: int, limit: int) -> tuple[User, ...]:
        """Up to `limit` users of a realm with rows above `after`, oldest first."""
        ...

    async def save_user(self, user: User) -> bool:
        """Replace a user's login, profile and `disabled`. False when there is none, or the login is taken."""
        ...

    async def set_password(self, user: int, password_hash: str) -> bool:
        """Replace the password's hash and end the user's sessions. False when there is no such user."""
        ...

    async def remove_user(self, user: int) -> bool:
        """Remove a user with their members and sessions.

        Their terminals lose their owner. False when none.
        """
        ...

    # Terminals.

    async def save_machine(self, machine: Machine) -> Machine:
        """Insert a terminal, or replace its name, owner and (when given) msign. Returns it as stored."""
        ...

    async def find_machine(self, realm: str, machine_code: str) -> Machine | None:
        """The terminal with this code."""
        ...

    async def list_machines(self, realm: str, owner: int | None) -> tuple[Machine, ...]:
        """The terminals of a realm, or of one owner, by code."""
        ...

    async def set_qr_key(self, machine: int, digest: bytes, ends_at: int) -> bool:
        """Replace the key that a terminal shows. False when there is no such terminal."""
        ...

    async def bind_machine(self, machine: int, app: int) -> bool:
        """Bind a terminal to a self-owned app. False when it is bound to another, or there is none."""
        ...

    async def unbind_machine(self, machine: int, app: int) -> bool:
        """Undo `bind_machine`. False when it is not bound to this app."""
        ...

    async def remove_machine(self, machine: int) -> bool:
        """Remove a terminal; its grants are unusable from then on. False when there is none."""
        ...

    # Members: users as apps know them.

    async def open_member(self, member: Member, owner: str) -> Member:
        """The member of (app, user); inserted as given when there is none yet.

        With an `owner`, `member.union_id` is kept for (owner, user) unless there is one already.
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
        """How many users have added the app."""
        ...

    async def list_members(self, app: int, after: int, limit: int) -> tuple[Member, ...]:
        """Up to `limit` members who have added the app, with rows above `after`, oldest first."""
        ...

    # Grants.

    async def add_grant(self, grant: Grant, request: int | None = None) -> Grant | None:
        """Insert a grant and return it with its row.

        With `request`, the grant answers that authorization request: when it is answered already, the grant
        of the first answer is returned and none is made; None when the request is gone.
        """
        ...

    async def read_grant(self, grant: int) -> GrantView | None:
        """The grant of this row with what decides about it."""
        ...

    async def read_place(self, grant: Grant) -> int:
        """Row of the grant that holds the place which `grant` would take, or 0."""
        ...

    async def redeem(
        self, grant: int, now: int, ends_at: int, keep: int | None, quota: Quota | None
    ) -> Spent:
        """Spend a code: of all who try, one gets DONE; the grant is live with generation 1 then.

        With `keep`, the grant takes its place, and the one there before keeps at most `keep` seconds.
        """
        ...

    async def rotate(
        self,
        grant: int,
        generation: int,
        now: int,
        ends_at: int,
        window: int,
        quota: Quota | None,
        *,
        end_replayed: bool,
    ) -> Spent:
        """Spend the refresh token of `generation`.

        DONE moves the grant to the next generation and ends it at `ends_at` (never after its `limit_at`).
        REPEATED when the token is the one spent last, less than `window` seconds ago. REPLAYED otherwise,
        and then, with `end_replayed`, the grant ends.
        """
        ...

    async def place(self, grant: Grant, seen: int, keep: int | None, quota: Quota | None) -> Placed:
        """Insert a live grant and let it take its place, unless somebody was faster.

        When the grant that holds the place is not the one that was `seen` and is live, it is returned
        instead, `shared`. The one there before keeps at most `keep` seconds; with keep None, there are no
        places and nothing is shared.
        """
        ...

    async def end_grant(self, grant: int, now: int, reason: str) -> bool:
        """End a grant. False when it has ended already, or there is none."""
        ...

    async def end_all(self, *, app: int | None = None, user: int | None = None) -> bool:
        """End every grant there is of an app, of a user, or of a user in an app, at once.

        Costs one row, however many grants there are. False when there is no such app, user or member.
        """
        ...

    async def end_place(self, app: int, machine: int, now: int, reason: str) -> bool:
        """End the user grant that holds the place of a terminal in an app. False when none is there."""
        ...

    async def list_grants(
        self,
        realm: str,
        before: int | None,
        limit: int,
        *,
        app: int | None,
        user: int | None,
        kind: GrantKind | None,
    ) -> Listed:
        """Unended grants, newest first, for operators: may look at many rows and so be slow."""
        ...

    # Quotas, replays, throttling.

    async def take_quota(self, quota: Quota) -> bool:
        """Take one; False when that would exceed the limit."""
        ...

    async def remember_request(self, app: int, timestamp: int, digest: bytes, ends_at: int) -> bool:
        """Remember a signed request until `ends_at`. False when it is remembered already."""
        ...

    async def take_attempts(
        self, subjects: Sequence[tuple[bytes, int]], now: int, ends_at: int
    ) -> int | None:
        """Count one attempt for each (digest, limit), all or none.

        A subject's window lasts until the `ends_at` of its first attempt. None when all were within their
        limits, else when (unix seconds) the fullest window ends.
        """
        ...

    async def forget_attempts(self, subjects: Sequence[bytes]) -> None:
        """Forget the attempts of these subjects: one succeeded."""
        ...

    # Sessions and authorization requests.

    async def add_session(self, session: Session, replaces: int | None = None) -> Session:
        """Insert a session, in place of another, which ends and whose open authorization requests it takes over."""
        ...

    async def read_session(self, session: int) -> tuple[Session, User | None] | None:
        """The session and its user."""
        ...

    async def remove_session(self, session: int) -> bool:
        """End a session. False when there is none."""
        ...

    async def add_request(self, request: AuthorizationRequest) -> AuthorizationRequest:
        """Insert an authorization request and return it with its row."""
        ...

    async def read_request(self, request: int) -> AuthorizationRequest | None:
        """The authorization request of this row."""
        ...

    async def drop_request(self, request: int) -> bool:
        """Remove an authorization request that no grant answered. False when there is none."""
        ...

    # Upkeep.

    async def purge_issuer(self, now: int, limit: int) -> int:
        """Remove up to `limit` rows of each kind that ended before `now`.

        Returns the most of one kind that went.
        """
        ...

    async def sealed_secrets(self) -> dict[int, int]:
        """How many app secrets are sealed with each key of the ring, by key id."""
        ...

    async def reseal_secrets(self, limit: int) -> int:
        """Seal up to `limit` app secrets anew that are not sealed with the newest key; returns how many."""
        ...
