"""The records of operators in a store: the audit trail, admin keys, and answers to requests that may be repeated.

It is a part of `store.port.Store`, and its rules apply.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Self

from lingpai.core.audit import Actor, AdminKey, AuditRow, Change
from lingpai.core.console_records import ConsoleSession


class AuditFilter(NamedTuple):
    """A filter of the audit trail; "" and None for any.

    `target` names one thing exactly, or all whose names begin so when it ends with `*`.
    """

    actor: str = ""
    action: str = ""
    target: str = ""
    since: float | None = None


class Kept(NamedTuple):
    """A request that was made before with the same key.

    Attributes:
        body: digest of its body.
        status: of its answer; None while it is under way.
        answer: the answer's body, without secrets.
        nonce: what a secret of the answer derives from; b"" when there is none, or no longer.
    """

    body: bytes
    status: int | None
    answer: str
    nonce: bytes


class Recording(Protocol):
    """The part of both ports that records changes as they are made."""

    def recording(self, actor: Actor, change: Change, happened: Callable[[Any], bool] = bool) -> Self:
        """Return this store with verbs that add a row to the audit trail in the transaction of what they change.

        Args:
            actor: who makes the change.
            change: what the row says.
            happened: whether a verb's result means that it changed something; else no row is added.
        """
        ...

    async def note(self, actor: Actor, change: Change) -> None:
        """Add a row to the audit trail about what no verb of the store does, such as a refusal."""
        ...


class Administration(Recording, Protocol):
    """Verbs on what is kept of operators."""

    async def list_audit(self, wanted: AuditFilter, before: int | None, limit: int) -> tuple[AuditRow, ...]:
        """Up to `limit` rows with ids below `before`, newest first."""
        ...

    async def read_audit(self, after: int, limit: int) -> tuple[AuditRow, ...]:
        """Up to `limit` rows with ids above `after`, oldest first."""
        ...

    async def audit_head(self) -> tuple[int, bytes]:
        """The id and the digest of the newest row ever added; (0, b"") before the first."""
        ...

    async def add_admin_key(self, key: AdminKey, digest: bytes) -> bool:
        """Insert an admin key. False when the name is or was taken."""
        ...

    async def find_admin_key(self, key_id: str) -> tuple[AdminKey, bytes] | None:
        """The admin key of this id and the digest of the whole key, removed or not."""
        ...

    async def list_admin_keys(self) -> tuple[AdminKey, ...]:
        """All admin keys by name, removed ones too."""
        ...

    async def remove_admin_key(self, name: str) -> bool:
        """Remove an admin key from now on. False when there is none, or it is removed."""
        ...

    async def touch_admin_key(self, key: int, at: float) -> None:
        """Note when a key was used."""
        ...

    async def claim_answer(self, digest: bytes, body: bytes, nonce: bytes, ends_at: float) -> Kept | None:
        """Claim a request that may be repeated, known by `digest`, until `ends_at` (unix seconds).

        None when it is claimed; else the request that was made before.
        """
        ...

    async def keep_answer(self, digest: bytes, status: int, answer: str, ends_at: float) -> None:
        """Keep the answer of a claimed request until `ends_at` (unix seconds)."""
        ...

    async def drop_answer(self, digest: bytes) -> None:
        """Give up a claim without an answer: the request may be made again."""
        ...

    async def add_console_session(self, session: ConsoleSession, digest: bytes) -> bool:
        """Insert a session of the console, or a link, by the digest of its secret. Always True."""
        ...

    async def find_console_session(self, digest: bytes) -> ConsoleSession | None:
        """The session or link of this digest, ended or not."""
        ...

    async def list_console_sessions(self, limit: int) -> tuple[tuple[bytes, ConsoleSession], ...]:
        """Up to `limit` sessions and links, each with its digest, ended or not, those that end last first."""
        ...

    async def take_console_link(self, digest: bytes) -> ConsoleSession | None:
        """Remove the link of this digest and return it: of all who try at the same time one gets it."""
        ...

    async def touch_console_session(self, digest: bytes, at: float) -> None:
        """Note when a session was used."""
        ...

    async def end_console_session(self, digest: bytes) -> bool:
        """Remove a session. False when there is none."""
        ...

    async def purge_administration(self, audit_before: float, limit: int) -> int:
        """Remove up to `limit` each of answers and sessions whose time is over, and of old rows of the audit trail.

        Args:
            audit_before: rows of the audit trail from before this unix time go.
            limit: how many of each.

        Nonces are erased ten minutes after their claim.
        """
        ...
