"""Texts that leave the service and come back unchanged, or not at all: sealed by AES-SIV (RFC 5297), in base64url.

AES-SIV has no nonce that could repeat, however many texts strangers have sealed.
"""

import base64
import binascii

from lingpai.core.ciphers import RingCiphers
from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing


class SealedTexts:
    """Seals and opens texts for one purpose of one realm.

    Args:
        ring: the key ring.
        purpose: what the texts are; one sealed for another purpose does not open.
        realm: the instance's name, bound into every seal.
        clock: says how old keys are.
    """

    def __init__(self, ring: KeyRing, purpose: str, realm: str, clock: Clock) -> None:
        self._ciphers = RingCiphers(ring, purpose, clock)
        self._bound = [b"lingpai/realm/" + realm.encode()]

    def seal(self, plain: bytes) -> str:
        """The sealed text: 16 bytes more than `plain`, in base64url without padding."""
        self._ciphers.stay_current()
        return _write(self._ciphers.sealing.encrypt(plain, self._bound))

    def open(self, text: str) -> bytes | None:
        """What was sealed, or None when it is not exactly a text of ours, of this realm and purpose."""
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (ValueError, binascii.Error):
            return None
        if _write(sealed) != text:  # one spelling only
            return None
        self._ciphers.stay_current()
        return self._ciphers.open(sealed, self._bound)


def _write(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
