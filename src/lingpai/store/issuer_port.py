"""The issuer's verbs of a store: what every engine implements for it besides `store.port.Store`.

The rules for the verbs of `Store` apply: each is one whole, durable, atomic operation, and may raise
`LingpaiError(STORE_UNAVAILABLE)`, and then nothing of it has happened, as far as can be known. Reads see the
commits of every process. Times (`now`, `ends_at`, …) are whole unix seconds of the issuer's time, passed in
by the caller; see `anchor`.

Rows that handles name have a random salt. A verb that changes a row that was read changes that row alone, known by its
id and its salt: an id may have been handed out again since (a failover or a restore that lost commits). The verb then
does what it does when there is no such row.
"""

from typing import Protocol

from lingpai.core.authorization_records import Device, Pushed
from lingpai.core.issuer_records import SigningKey
from lingpai.store.administration_port import Recording
from lingpai.store.attempts_port import Attempts, Counts, Owner, Quota, SignedRequest
from lingpai.store.directory_port import Directory
from lingpai.store.grants_port import Answer, Grants, Listed, Outcome, RequestKey, SlotResult, Spent
from lingpai.store.identities_port import Identities
from lingpai.store.registrations_port import Registrations
from lingpai.store.sessions_port import EndedSessions, Login, Sessions

__all__ = [
    "Answer",
    "Attempts",
    "EndedSessions",
    "IssuerStore",
    "Listed",
    "Login",
    "Outcome",
    "Owner",
    "Quota",
    "RequestKey",
    "SignedRequest",
    "SlotResult",
    "Spent",
]


class IssuerStore(Directory, Registrations, Grants, Sessions, Counts, Identities, Recording, Protocol):
    """All verbs of the issuer. See the module's docstring for what applies to each of them."""

    async def anchor(self) -> float:
        """Unix time minus steady time, as the first process of this epoch of the steady time found it.

        With it, the issuer's time is `steady + anchor`: the same in all processes, and no step of the wall
        clock touches it until the machine starts anew.
        """
        ...

    # Devices that wait for their user.

    async def add_device(self, device: Device) -> Device | None:
        """Insert a device that waits and return it with its row; None when its user code is taken."""
        ...

    async def read_device(self, device: int) -> Device | None:
        """The device of this row."""
        ...

    async def find_device(self, user_code: bytes) -> Device | None:
        """The device of this digest of a user code, whether it has ended or not."""
        ...

    # Pushed authorization requests.

    async def add_pushed(self, pushed: Pushed, *, request: SignedRequest | None = None) -> Pushed | None:
        """Insert a pushed request and return it with its row; None when the signed request was remembered before."""
        ...

    async def read_pushed(self, pushed: int) -> Pushed | None:
        """The pushed request of this row."""
        ...

    # Signing keys.

    async def list_signing_keys(self, realm: str) -> tuple[SigningKey, ...]:
        """Every signing key of a realm, by algorithm and number."""
        ...

    async def add_signing_key(self, key: SigningKey, forget_before: int) -> bool:
        """Insert a signing key, and remove those that another replaced before `forget_before`.

        False, and nothing happens, when there is one of its number already: of all who make it, one does.
        """
        ...

    # Upkeep.

    async def purge_issuer(self, now: int, limit: int) -> int:
        """Remove up to `limit` rows of each kind that ended before `now`.

        Returns how many rows that came to; a grant that lives longer than expected counts, and is looked at again.
        """
        ...

    async def sealed_secrets(self) -> dict[int, int]:
        """Count the secrets, passwords, keys and subjects that are sealed with each key of the ring, by key id."""
        ...

    async def reseal_secrets(self, limit: int) -> int:
        """Seal up to `limit` of these anew that are not sealed with the newest key; returns how many."""
        ...

    async def close(self) -> None:
        """Finish what is waiting and let go of everything. Safe to call twice."""
        ...
