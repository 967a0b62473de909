"""The issuer's verbs on grants, which are a part of `issuer_port.IssuerStore`, and follow its rules."""

import enum
from collections.abc import Awaitable
from typing import NamedTuple, Protocol

import msgspec

from lingpai.core.issuer_records import Grant, GrantKind, GrantView
from lingpai.store.attempts_port import Quota, SignedRequest
from lingpai.store.sessions_port import Login


class RequestKey(NamedTuple):
    """An authorization request, by the random digest that it carries; its answer is kept until `ends_at`."""

    digest: bytes
    ends_at: int


class Answer(NamedTuple):
    """The answer to an authorization request: the row of its grant, or None for a refusal."""

    grant: int | None


class Outcome(enum.Enum):
    """The outcome of spending a code, a refresh token or a shown key."""

    DONE = "done"
    REPEATED = "repeated"
    """A refresh token again, inside its window: the grant is as the first use left it."""
    REPLAYED = "replayed"
    """It was spent before."""
    GONE = "gone"
    """The grant has ended, was superseded, or does not exist."""
    LIMITED = "limited"
    """The quota is used up; nothing was spent."""
    SAME_REQUEST = "same_request"
    """The signed request was remembered before; nothing was spent."""


class Spent(msgspec.Struct, frozen=True):
    """Outcome of `redeem` and `rotate`, and the grant after it (None when there is none)."""

    outcome: Outcome
    grant: Grant | None


class SlotResult(msgspec.Struct, frozen=True):
    """Outcome of `take_slot`, and the grant that has the slot now.

    DONE when it is the given one, REPEATED when somebody was faster; SAME_REQUEST, LIMITED, or GONE for a shown
    key that is not good any more, with no grant.
    """

    outcome: Outcome
    grant: Grant | None


class Listed(NamedTuple):
    """A page of grants for operators, newest first.

    `before` is where the next page begins, None at the end.
    """

    views: tuple[GrantView, ...]
    before: int | None


class Grants(Protocol):
    """Verbs on grants: they are made, spent, ended and listed.

    Where a verb takes a `request`, it is remembered in the same transaction when the verb succeeds, and
    nothing does when it was remembered before.
    """

    async def add_grant(self, grant: Grant) -> Grant:
        """Insert a grant, with the epochs of its app, user and member, and return it with its row."""
        ...

    async def answer_request(self, request: RequestKey, grant: Grant, login: Login | None = None) -> Answer:
        """Answer an authorization request with a new grant, unless it is answered already.

        Returns the first answer; when that is another one, no grant is made. With `login`, the session knows of the
        grant.

        Raises:
            LingpaiError: LOGIN_REQUIRED: the session has ended meanwhile; then nothing is answered.
        """
        ...

    async def refuse_request(self, request: RequestKey) -> Answer | None:
        """Answer an authorization request with a refusal, whatever answered it before; returns that, or None."""
        ...

    async def read_answer(self, digest: bytes) -> Answer | None:
        """Return the answer to the authorization request of this digest; None when there is none any more, or yet."""
        ...

    async def read_grant(self, grant: int) -> GrantView | None:
        """The grant of this row with what decides about it."""
        ...

    def begin_read(self, grant: int) -> GrantView | Awaitable[GrantView | None] | None:
        """As `read_grant`, at once where a read takes no round trip.

        Elsewhere the read is under way, and what is returned may be awaited or left.
        """
        ...

    async def read_slot(self, grant: Grant) -> int:
        """Return the row of the grant in the slot that `grant` would take, or 0."""
        ...

    def redeem(
        self,
        grant: Grant,
        now: int,
        ends_at: int,
        keep: int | None,
        quota: Quota | None,
        *,
        request: SignedRequest | None = None,
    ) -> Awaitable[Spent]:
        """Spend the code of a grant that was read: of all who try, one gets DONE, and it is live with generation 1.

        With `keep`, the grant takes its slot, and the one there before keeps at most `keep` seconds.
        """
        ...

    def rotate(
        self,
        grant: Grant,
        generation: int,
        now: int,
        ends_at: int,
        window: int,
        quota: Quota | None,
        *,
        end_replayed: bool,
        request: SignedRequest | None = None,
    ) -> Awaitable[Spent]:
        """Spend the refresh token of `generation` of a grant that was read.

        DONE moves the grant to the next generation and ends it at `ends_at` (never after its `limit_at`).
        A generation above the grant's own is ours as well, of commits that the store has lost; the grant goes on
        behind it. REPEATED when the token is the one spent last, less than `window` seconds ago. REPLAYED otherwise,
        and then, with `end_replayed`, the grant ends.
        """
        ...

    def take_slot(
        self,
        grant: Grant,
        *,
        seen: int | None,
        keep: int | None,
        quota: Quota | None,
        key_digest: bytes | None = None,
        request: SignedRequest | None = None,
    ) -> Awaitable[SlotResult]:
        """Insert a live grant and let it take its slot, unless somebody was faster.

        When the grant in the slot is live and not the one that was `seen`, it is returned instead;
        with `seen` None, never. The one there before keeps at most `keep` seconds; with `keep` None there are
        no slots and nothing is superseded. With `key_digest`, the key that the grant's terminal shows is
        spent in the same transaction.
        """
        ...

    async def read_standing(self, app: int, subject: int) -> int:
        """Return the row of the app's own grant for `subject` (any number that no terminal and no user has), or 0."""
        ...

    async def stand(self, grant: Grant, subject: int, *, seen: int, keep: int) -> Grant:
        """Insert an app's own live grant for `subject`, unless somebody was faster; returns the stored one.

        Somebody was when there is a live one that is not the one that was `seen`. That one keeps at most `keep`
        seconds.
        """
        ...

    async def list_slot(self, grant: Grant, now: int, most: int) -> tuple[Grant, ...]:
        """Return the grants that have or had the slot that `grant` would take and are not ended, newest first."""
        ...

    async def bind_grant(self, grant: Grant, nonce: str, generation: int) -> bool:
        """Give a grant that was read another `nonce` and generation; False when either has changed, or it is over."""
        ...

    async def end_grant(self, grant: Grant, now: int, reason: str) -> bool:
        """End a grant that was read. False when it has ended already, or there is none."""
        ...

    async def end_all(self, *, app: int | None = None, user: int | None = None) -> bool:
        """End every grant there is of an app, of a user, or of a user in an app, at once.

        Begins the next epoch, which no grant that is there has: one row, however many grants there are. False when
        there is no such app, user or member.
        """
        ...

    async def end_slot(self, app: int, terminal: int, now: int, reason: str) -> bool:
        """End the user grant in the slot of a terminal in an app, and all codes for it that are not spent.

        False when there was neither.
        """
        ...

    async def list_grants(
        self,
        realm: str,
        now: int,
        before: int | None,
        limit: int,
        *,
        app: int | None = None,
        user: int | None = None,
        terminal: int | None = None,
        kind: GrantKind | None = None,
    ) -> Listed:
        """A page of grants that have not ended, newest first, for operators; of all that are named.

        It looks at `limit` rows by an index, ended or not, so it may be short, or empty, and not the last.
        """
        ...

    async def list_user_grants(
        self, user: int, now: int, before: int | None, limit: int
    ) -> tuple[GrantView, ...]:
        """Up to `limit` grants of a user that have not ended, newest first, for the user's own page.

        `before` is the id of the last one of the page before, or None.
        """
        ...
