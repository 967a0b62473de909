"""Texts that a client carries and returns unchanged: encrypted by AES-SIV (RFC 5297), in base64url.

AES-SIV has no nonce that could repeat, however many texts unauthenticated clients cause.
"""

from lingpai.core import base64url
from lingpai.core.ciphers import RingCiphers
from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing


class SealedTexts:
    """Encrypts and decrypts texts for one purpose.

    Args:
        ring: the key ring.
        purpose: what the texts are; a text of another purpose is not decrypted.
        bound: the associated data, such as the realm; a text of another one is not decrypted.
        clock: gives the age of keys.
    """

    def __init__(self, ring: KeyRing, purpose: str, bound: bytes, clock: Clock) -> None:
        self._ciphers = RingCiphers(ring, purpose, clock)
        self._bound = [bound]

    def seal(self, plain: bytes) -> str:
        """Encrypt a text: 16 bytes more than `plain`, in base64url without padding."""
        self._ciphers.stay_current()
        return base64url.encode(self._ciphers.sealing.encrypt(plain, self._bound))

    def open(self, text: str) -> bytes | None:
        """Decrypt a text; return None when it is not exactly a text of this purpose and associated data."""
        try:
            sealed = base64url.decode(text)
        except ValueError:
            return None
        self._ciphers.stay_current()
        return self._ciphers.open(sealed, self._bound)
