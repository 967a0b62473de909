"""The port that every engine implements, and the only thing the wings know of a store.

Each verb is one whole, durable, atomic operation: when it has returned, its effect survives power loss, and
of any number of concurrent callers in any process each sees it whole or not at all. Time comes from the
engine's clock (`core.clock`); ends are `End`s. Secrets and values are sealed by the engine at rest and come
out in clear. Every verb may raise `LingpaiError(STORE_UNAVAILABLE)`; then nothing of it has happened, as far
as can be known.
"""

from collections.abc import Hashable
from typing import NamedTuple, Protocol

from lingpai.core.clock import End
from lingpai.core.records import (
    Account,
    Budget,
    BudgetUse,
    Caller,
    Credential,
    CredentialKey,
    CredentialStatus,
    ExchangeClaim,
    FormerKey,
    Lease,
    RoleHolder,
    Trouble,
)
from lingpai.store.administration_port import Administration
from lingpai.store.events_port import Events
from lingpai.store.hooks_port import Hooks
from lingpai.store.pushes_port import Pushes
from lingpai.store.relays_port import Relays
from lingpai.store.validity import Validity


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


class Store(Administration, Events, Hooks, Pushes, Relays, Protocol):
    """All verbs. See the module's docstring for what applies to each of them."""

    # Accounts and callers: what operators configure.

    async def save_account(self, account: Account) -> bool:
        """Insert the account or replace the one of the same name. True when it is new.

        Its token is due for renewal at once when it is new or its secret or mode is another than before. What
        was held for a secret that no account of this id has any more is forgotten, but for kinds that begin with
        "terminal:", which the new secret takes over: users granted them, and nothing fetches them anew.
        """
        ...

    async def replace_account(self, known: Account | None, account: Account) -> bool:
        """As `save_account`, if the stored one is still as `known` (None for none). False when it is not."""
        ...

    async def remove_account(self, platform: str, account: str, label: str) -> bool:
        """Remove an account. False when there is none.

        What is held for its secret goes too, unless another label of the account has the same.
        """
        ...

    async def find_accounts(self, platform: str, account: str) -> tuple[Account, ...]:
        """All accounts with this id, one per label. Sees the commits of every process."""
        ...

    async def list_accounts(self) -> tuple[Account, ...]:
        """All accounts, by name."""
        ...

    async def add_caller(self, caller: Caller, key_digest: bytes) -> bool:
        """Insert a caller. False when the name is taken (by a revoked caller too)."""
        ...

    async def change_caller(self, caller: Caller) -> bool:
        """Give the caller of this name these apps, rights, networks and environment; its key stays.

        False when there is no such caller or it is revoked.
        """
        ...

    async def replace_caller(self, known: Caller, caller: Caller) -> bool:
        """As `change_caller`, if the stored one is still as `known`. False when it is not."""
        ...

    async def find_caller_named(self, name: str) -> Caller | None:
        """The caller of this name, revoked or not."""
        ...

    async def rotate_caller(self, name: str, key_digest: bytes, overlap: float) -> bool:
        """Give a caller another key; the one before stays valid for `overlap` seconds of wall time.

        Keys that were replaced earlier keep the ends that they have, or get this one where it is earlier. False when
        there is no such caller or it is revoked.
        """
        ...

    async def revoke_caller(self, name: str) -> bool:
        """Revoke a caller's keys from now on. False when there is no such caller or it is revoked already."""
        ...

    async def find_caller(self, key_digest: bytes) -> Caller | None:
        """Return the caller of a key or of a former key in its overlap, revoked or not. Sees all processes' commits."""
        ...

    async def list_callers(self) -> tuple[Caller, ...]:
        """All callers, by name."""
        ...

    async def list_former_keys(self) -> tuple[FormerKey, ...]:
        """Replaced keys that are still valid, of callers that are not revoked; by caller, then by end."""
        ...

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

    # Upkeep.

    def mark(self) -> Hashable | None:
        """A value that changes whenever accounts, callers or credentials may have changed.

        Sees the commits of every process. None when this store does not know without waiting.
        """
        ...

    def validity(self, credential: int, mark: Hashable) -> Validity | None:
        """Return what `is_valid` takes, about what was made since `mark` from the credential with this id.

        None when accounts, callers or any credential may have changed since `mark`.
        """
        ...

    def is_valid(self, validity: Validity) -> bool:
        """Return whether neither that credential nor any account or caller has changed, as far as was committed."""
        ...

    async def wait_change(self, seconds: float) -> None:
        """Come back as soon as any process may have committed something, or after `seconds` of real time.

        Commits since this store's last read count: who reads and then waits, with no `await` in between, misses
        none.
        """
        ...

    async def purge(self, limit: int) -> int:
        """Remove up to `limit` rows each of exchanges, budget windows, roles and proofs that are over.

        So too credentials of secrets that nobody configured, a day after nothing of them is good any more.
        Returns how many went.
        """
        ...

    async def sealed_counts(self) -> dict[int, int]:
        """Count the values that are sealed with each key of the ring, by key id."""
        ...

    async def unopened(self) -> tuple[int, ...]:
        """Ids of the ring's keys that do not open a sample of what a key of that id sealed, in either wing's tables."""
        ...

    async def newest_seal(self) -> int | None:
        """The highest id of a key that sealed something; higher than the ring's when another node's ring has it alone.

        None when nothing is sealed.
        """
        ...

    async def reseal(self, limit: int) -> int:
        """Seal up to `limit` values anew that are not sealed with the newest key; returns how many were."""
        ...

    async def ping(self) -> None:
        """Prove that the store answers, reads and writes.

        Raises:
            LingpaiError: STORE_UNAVAILABLE when it does not.
        """
        ...

    async def close(self) -> None:
        """Finish what is waiting and let go of everything. Safe to call twice."""
        ...
