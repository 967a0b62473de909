"""Passwords as argon2id (RFC 9106), hashed in threads, few at a time."""

import asyncio

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

MAX_PASSWORD = 1024
"""Characters of a password at most: hashing must not become a way to keep us busy."""


class Passwords:
    """Hashes and checks passwords without holding up the event loop.

    Args:
        hasher: argon2id with its costs; the library's defaults (RFC 9106, low memory) when not given.
        at_once: how many may be hashed at the same time; each takes 64 MiB and a thread.
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None, at_once: int = 2) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._turns = asyncio.Semaphore(at_once)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The password's hash, with its salt and costs.

        Raises:
            ValueError: when it is longer than `MAX_PASSWORD`.
        """
        if len(password) > MAX_PASSWORD:
            raise ValueError(f"A password may have {MAX_PASSWORD} characters at most.")
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    async def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password fits. Takes the same time when there is no hash ("") to compare with."""
        async with self._turns:
            return await asyncio.to_thread(self._verify, password_hash, password[:MAX_PASSWORD]) and (
                len(password) <= MAX_PASSWORD
            )

    def _verify(self, password_hash: str, password: str) -> bool:
        if not password_hash:
            if self._nobody is None:
                self._nobody = self._hasher.hash("nobody's")
            self._matches(self._nobody, password)
            return False
        return self._matches(password_hash, password)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
