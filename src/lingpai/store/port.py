"""The port that every engine implements, and the only thing the wings know of a store.

Each verb is one whole, durable, atomic operation: when it has returned, its effect survives power loss, and
of any number of concurrent callers in any process each sees it whole or not at all. Time comes from the
engine's clock (`core.clock`); ends are `End`s. Secrets and values are sealed by the engine at rest and come
out in clear. Every verb may raise `LingpaiError(STORE_UNAVAILABLE)`; then nothing of it has happened, as far
as can be known.
"""

from typing import NamedTuple, Protocol

from lingpai.core.clock import End
from lingpai.core.records import (
    Budget,
    BudgetUse,
    Credential,
    CredentialKey,
    CredentialStatus,
    ExchangeClaim,
    Lease,
    RoleHolder,
    Trouble,
)
from lingpai.store.accounts_port import Accounts
from lingpai.store.administration_port import Administration
from lingpai.store.events_port import Events
from lingpai.store.hooks_port import Hooks
from lingpai.store.pushes_port import Pushes
from lingpai.store.relays_port import Relays
from lingpai.store.upkeep_port import Upkeep


class LeaseAttempt(NamedTuple):
    """The result of asking for a lease: the lease or None, and the credential as stored now."""

    lease: Lease | None
    credential: Credential


class Fetched(NamedTuple):
    """A value just fetched upstream.

    The value, its end, its lifetime in seconds, and when the request was sent (unix seconds).
    """

    value: str
    end: End
    lifetime: float
    fetched_at: float


class Store(Accounts, Administration, Events, Hooks, Pushes, Relays, Upkeep, Protocol):
    """All verbs. See the module's docstring for what applies to each of them."""

    # Credentials.

    async def read_credential(self, key: CredentialKey) -> Credential | None:
        """Return the stored credential, with the commits of every process.

        None before the first lease on it.
        """
        ...

    async def find_credential(self, value: str) -> Credential | None:
        """The credential that has `value` as its current or previous generation, or None.

        A previous generation is found until the next takes its place, though `previous` is None once its end
        has passed: callers who still have its value thus find the current one.
        """
        ...

    async def acquire_lease(self, key: CredentialKey, holder: str, seen: int, ttl: float) -> LeaseAttempt:
        """Ask for the right to renew, for `ttl` seconds.

        Refused while another holder's lease lasts, and when the credential's version is already above `seen`
        (somebody renewed it meanwhile). Makes the credential's row when there is none. Each lease has a
        higher fence than all before it.

        A lease of another epoch of the clock lasts until its wall time, unless that is further ahead than twice
        `ttl`: then the clock was wrong, and the lease is over.
        """
        ...

    async def save_generation(
        self, lease: Lease, fetched: Fetched, previous_end: End, renew: End | None
    ) -> Credential | None:
        """Keep a fetched value as the current generation and give the lease back.

        A new value becomes the next version, and the one before becomes `previous` with the earlier of its
        own end and `previous_end`. The same value again keeps its version and takes the new end. Clears
        `suspect` and `trouble`.

        Returns:
            The credential, or None when the lease's fence is no longer the highest: nothing was kept.
        """
        ...

    async def put_generation(
        self,
        key: CredentialKey,
        fetched: Fetched,
        previous_end: End,
        renew: End | None,
        seen: int | None = None,
    ) -> Credential | None:
        """Keep a value that came by itself: pushed, or with another; no lease is needed, and any is overtaken.

        As `save_generation` for the rest. The newest wins: None when the stored version is above `seen`, or, without
        one, when the stored value has a later `fetched_at`.
        """
        ...

    async def save_trouble(self, lease: Lease, trouble: Trouble, renew: End | None) -> bool:
        """Note why renewal failed and give the lease back.

        The generations stay. False when the lease was overtaken.
        """
        ...

    async def release_lease(self, lease: Lease) -> bool:
        """Give a lease back unused. False when it was overtaken."""
        ...

    async def mark_suspect(self, key: CredentialKey, version: int) -> bool:
        """Mark the current generation as to be replaced, if it still is `version`.

        False when it is not, or is marked already.
        """
        ...

    async def end_generation(self, key: CredentialKey, version: int) -> bool:
        """End the current generation, if it still is `version`: the upstream was found to take it no more.

        It stays as what was held, with `found_dead`, until another value comes. False when it is not, or has ended so
        already.
        """
        ...

    async def forget_trouble(self, key: CredentialKey) -> bool:
        """Close the breaker by hand: the next need fetches. False when there was no trouble."""
        ...

    async def forget_troubles(self, platform: str, account: str) -> tuple[str, ...]:
        """As `forget_trouble`, for every secret of this id that nobody configured; the kinds that had trouble."""
        ...

    async def due_credentials(self, limit: int) -> tuple[CredentialKey, ...]:
        """Credentials of configured accounts that are due and not under a lease, longest due first."""
        ...

    async def list_statuses(self) -> tuple[CredentialStatus, ...]:
        """Every credential, without values.

        A configured account that has none yet is listed too (kind "access_token", version 0).
        """
        ...

    # Budgets, exchanges, leadership.

    async def take_budget(self, budget: Budget) -> BudgetUse:
        """Take one from a budget if that keeps it within its limit; `granted` says whether it did."""
        ...

    async def read_budget(self, budget: Budget) -> int:
        """Return how much was taken from a budget; its limit does not matter."""
        ...

    async def list_budgets(self) -> tuple[BudgetUse, ...]:
        """Use of every budget whose window is not over."""
        ...

    async def claim_exchange(self, digest: bytes, holder: str, ttl: float, ends_at: float) -> ExchangeClaim:
        """Claim the exchange of a code, known by `digest`, for `ttl` seconds; of all who try, one gets it.

        An answer kept for it is returned instead until `ends_at` (unix seconds). A claim that was neither
        finished nor dropped within its `ttl` can be claimed again.
        """
        ...

    async def finish_exchange(self, digest: bytes, holder: str, answer: str, ends_at: float) -> bool:
        """Keep the answer of a claimed exchange until `ends_at`.

        False when the claim is no longer the holder's.
        """
        ...

    async def drop_exchange(self, digest: bytes, holder: str) -> bool:
        """Give a claim back without an answer. False when it is no longer the holder's."""
        ...

    async def keep_proof(self, digest: bytes) -> None:
        """Note that the platform has taken a secret that nobody configured; known by a keyed digest alone."""
        ...

    async def has_proof(self, digest: bytes) -> bool:
        """True when `keep_proof` was called for this digest, by any process, within the last half year."""
        ...

    async def lead(self, role: str, holder: str, ttl: float) -> bool:
        """Take or keep a role for `ttl` seconds. False while another process has it.

        What `acquire_lease` says of leases of another epoch applies to roles too.
        """
        ...

    async def list_role_holders(self) -> tuple[RoleHolder, ...]:
        """The roles that somebody has now, by name. For operators: each may be over in the next moment."""
        ...

    async def resign(self, role: str, holder: str) -> None:
        """Give a role back at once, if it is the holder's."""
        ...
