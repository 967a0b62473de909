"""The AES-SIV ciphers of one purpose (RFC 5297), one for each key of the ring.

The newest key encrypts; every key decrypts.

A key that a rotation made decrypts immediately but encrypts only after ten seconds, so that every process has read
it before the first text under it exists. Keys that another process made or retired are noticed within a second.
"""

import contextlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing, KeyRingError

_LOOK_SECONDS = 1.0
_PUBLISH_SECONDS = 10.0


class RingCiphers:
    """The ciphers of one purpose.

    Args:
        ring: the key ring; its newest published key encrypts, every key decrypts.
        purpose: what the derived keys are for, such as "handles".
        clock: gives the age of keys and the time to look for new ones.

    Attributes:
        opening: all ciphers, that of the newest key first.
        sealing: the one that encrypts.
        look_at: steady time from which on `stay_current` has to be called before either is used.
    """

    def __init__(self, ring: KeyRing, purpose: str, clock: Clock) -> None:
        self._ring = ring
        self._purpose = purpose
        self._clock = clock
        self._ciphers: dict[int, AESSIV] = {}
        self.look_at = 0.0
        self.opening: tuple[AESSIV, ...] = ()
        self.sealing: AESSIV
        self._arrange()

    def stay_current(self) -> None:
        """Read the ring again when a second has passed: another process may have added or retired a key."""
        if self._clock.steady() < self.look_at:
            return
        with contextlib.suppress(KeyRingError):  # an unreadable ring: continue with the loaded keys
            self._ring.find(self._ring.newest.id + 1)
        self._arrange()

    def open(self, sealed: bytes, bound: list[bytes]) -> bytes | None:
        """Decrypt a text of any key of the ring with the same associated data; return None for anything else."""
        for cipher in self.opening:
            try:
                return cipher.decrypt(sealed, bound)
            except (InvalidTag, ValueError):  # ValueError: shorter than a tag
                continue
        return None

    def _arrange(self) -> None:
        self.look_at = self._clock.steady() + _LOOK_SECONDS
        keys = self._ring.keys[::-1]
        for key in keys:
            if key.id not in self._ciphers:
                halves = (self._ring.derive(key.id, f"{self._purpose}/{half}") for half in (1, 2))
                self._ciphers[key.id] = AESSIV(b"".join(halves))
        self.opening = tuple(self._ciphers[key.id] for key in keys)
        known_since = self._clock.now() - _PUBLISH_SECONDS
        chosen = next((key for key in keys if key.created_at <= known_since), keys[-1])
        self.sealing = self._ciphers[chosen.id]
