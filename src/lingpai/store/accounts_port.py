"""Verbs on what operators configure of the keeper: accounts and callers. The rules of `store.port.Store` apply."""

from typing import Protocol

from lingpai.core.records import Account, Caller, FormerKey


class Accounts(Protocol):
    """Verbs on accounts and callers."""

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

    async def remove_account(
        self, platform: str, account: str, label: str, known: Account | None = None
    ) -> bool:
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

    async def revoke_caller(self, name: str, known: Caller | None = None) -> bool:
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
