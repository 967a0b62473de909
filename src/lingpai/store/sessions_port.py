"""Login sessions in a store, how they end, and who is notified of it; a part of `issuer_port.IssuerStore`.

A session ends together with what it allowed while its user is there, and the messages to its clients are stored in the
same commit: no end of a process loses them.
"""

from typing import NamedTuple, Protocol

from lingpai.core.authorization_records import Logout, Session
from lingpai.core.user_records import User


class Login(NamedTuple):
    """The login session that a grant is made in.

    Attributes:
        session: which.
        online: whether the grant ends with it.
        notified: whether the client is notified when it ends.
    """

    session: Session
    online: bool
    notified: bool


class EndedSessions(NamedTuple):
    """The number of sessions that ended, and the messages to their clients."""

    sessions: int
    logouts: tuple[Logout, ...] = ()

    def __bool__(self) -> bool:
        """True when a session ended."""
        return self.sessions > 0


class Sessions(Protocol):
    """Verbs on login sessions.

    Where sessions end, `held` are seconds for which the caller notifies the clients itself; after that anybody may, see
    `take_logouts`.
    """

    async def add_session(
        self, session: Session, replaces: Session | None = None, verified: str | None = None
    ) -> Session | None:
        """Insert a session in place of another.

        What the same user did in the other is of the new one from then on; another user's session ends.

        With `verified`, the hash of the password that the user gave, only while it still is the user's and the user
        is not disabled: who logs in while the password is replaced has no session afterwards. None when it is not,
        and nothing happened then.
        """
        ...

    async def read_session(self, session: int) -> tuple[Session, User | None] | None:
        """The session and its user."""
        ...

    async def end_session(self, session: Session, now: int, held: int = 0) -> EndedSessions:
        """End a session that was read, if there is one."""
        ...

    async def end_sessions(self, user: int, now: int, held: int = 0) -> EndedSessions:
        """End all sessions of a user."""
        ...

    async def has_logouts(self, realm: str, now: int) -> bool:
        """True when there are clients of a realm that have yet to be notified."""
        ...

    async def take_logouts(self, realm: str, now: int, until: int, limit: int) -> tuple[Logout, ...]:
        """Up to `limit` clients of a realm that have yet to be notified; until then nobody else gets them."""
        ...

    async def postpone_logout(self, logout: Logout, next_at: int) -> None:
        """Let a client be notified later, as often as it says now."""
        ...

    async def remove_logout(self, logout: Logout) -> None:
        """Forget what a client was notified, or cannot be notified."""
        ...
