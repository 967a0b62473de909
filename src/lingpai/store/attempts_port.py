"""The issuer's verbs on what counts and what counts once, a part of `issuer_port.IssuerStore`.

Its rules apply.
"""

import enum
from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Quota(NamedTuple):
    """One taking of a daily quota: for `app` and `subject` (a terminal's row, or 0) on `day`, at most `limit`.

    `day` counts days since 1970 in the quota's calendar; `ends_at` is when that day is over.
    """

    app: int
    subject: int
    day: int
    limit: int
    ends_at: int


class SignedRequest(NamedTuple):
    """A signed request, which counts once.

    Known by its app, its timestamp and the digest of its id, and remembered until `ends_at`.
    """

    app: int
    timestamp: int
    digest: bytes
    ends_at: int


class Attempts(NamedTuple):
    """The number of a subject's attempts that count, and the end of their window in unix seconds; (0, 0) for none."""

    used: int
    ends_at: int


class Owner(enum.IntEnum):
    """Whose marks are remembered: a user's browsers and networks, an app's networks."""

    USER = 1
    APP = 2


class Counts(Protocol):
    """Verbs on quotas, signed requests, failed attempts, and the marks of those who proved who they are."""

    async def take_quota(self, quota: Quota) -> bool:
        """Take one; False when that would exceed the limit."""
        ...

    async def remember_request(self, request: SignedRequest) -> bool:
        """Remember a signed request. False when it is remembered already."""
        ...

    async def knows_request(self, request: SignedRequest) -> bool:
        """True when a signed request is remembered."""
        ...

    async def take_attempts(
        self, subjects: Sequence[tuple[bytes, int]], now: int, ends_at: int
    ) -> int | None:
        """Count one attempt for each (digest, limit), all or none.

        A subject's window lasts until the `ends_at` of its first attempt. None when all were within their
        limits, else when (unix seconds) the fullest window ends; then no window was begun.
        """
        ...

    async def read_attempts(self, subjects: Sequence[bytes], now: int) -> tuple[Attempts, ...]:
        """The attempts of each subject in its window, in the order of the subjects."""
        ...

    async def return_attempts(self, subjects: Sequence[bytes]) -> None:
        """Take one attempt off each subject: it succeeded, and only failures count."""
        ...

    async def forget_attempts(self, subjects: Sequence[bytes]) -> None:
        """Forget the attempts of these subjects: one succeeded."""
        ...

    async def keep_marks(
        self, owner: Owner, row: int, marks: Sequence[bytes], ends_at: int, most: int
    ) -> None:
        """Remember from where an owner (a user, an app) proved who they are, until `ends_at`.

        Of each owner's marks, the `most` that end last are kept.
        """
        ...

    async def find_marks(self, owner: Owner, row: int, marks: Sequence[bytes], now: int) -> frozenset[bytes]:
        """Those of the marks that are remembered for an owner."""
        ...
