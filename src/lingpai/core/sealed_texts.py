"""Texts that a client carries and returns unchanged: encrypted by AES-SIV (RFC 5297), in base64url.

AES-SIV has no nonce that could repeat, however many texts unauthenticated clients cause.
"""

import base64
import binascii

from lingpai.core.ciphers import RingCiphers
from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing


class SealedTexts:
    """Encrypts and decrypts texts for one purpose of one realm.

    Args:
        ring: the key ring.
        purpose: what the texts are; a text of another purpose is not decrypted.
        realm: the name of the realm, part of the associated data.
        clock: gives the age of keys.
    """

    def __init__(self, ring: KeyRing, purpose: str, realm: str, clock: Clock) -> None:
        self._ciphers = RingCiphers(ring, purpose, clock)
        self._bound = [b"lingpai/realm/" + realm.encode()]

    def seal(self, plain: bytes) -> str:
        """Encrypt a text: 16 bytes more than `plain`, in base64url without padding."""
        self._ciphers.stay_current()
        return _write(self._ciphers.sealing.encrypt(plain, self._bound))

    def open(self, text: str) -> bytes | None:
        """Decrypt a text; return None when it is not exactly a text of this realm and purpose."""
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (ValueError, binascii.Error):
            return None
        if _write(sealed) != text:  # only the canonical spelling
            return None
        self._ciphers.stay_current()
        return self._ciphers.open(sealed, self._bound)


def _write(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
