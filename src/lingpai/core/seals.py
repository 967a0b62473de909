"""Encryption in the store and keyed digests, by the `cryptography` library and hashlib.

An encrypted value begins with the id of its key. The place that it belongs to (table, row) is its associated data, so a
value moved to another row is not decrypted.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lingpai.core.keyring import KeyRing

_NONCE_BYTES = 12
_KEY_ID_BYTES = 4
_HEAD = _KEY_ID_BYTES + _NONCE_BYTES

DIGEST_BYTES = 16


class SealError(Exception):
    """An encrypted value cannot be decrypted.

    It is damaged, was moved from another place, or was encrypted with a retired key.
    """


class Sealer:
    """Encrypts and decrypts values with AES-256-GCM, keys derived per purpose from the ring.

    Args:
        ring: the key ring.
        purpose: what the derived keys are for, such as "store".
    """

    def __init__(self, ring: KeyRing, purpose: str) -> None:
        self._ring = ring
        self._purpose = purpose
        self._ciphers: dict[int, AESGCM] = {}

    def seal(self, value: str, belongs_to: str) -> bytes:
        """Encrypt `value` with the newest key for the place `belongs_to`."""
        key_id = self._ring.newest.id
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher(key_id).encrypt(nonce, value.encode(), belongs_to.encode())
        return key_id.to_bytes(_KEY_ID_BYTES, "big") + nonce + sealed

    def open(self, sealed: bytes, belongs_to: str) -> str:
        """Decrypt a value of this place.

        Raises:
            SealError: when it cannot be decrypted.
            KeyRingError: when its key is not in the ring.
        """
        key_id = int.from_bytes(sealed[:_KEY_ID_BYTES], "big")
        try:
            opened = self._cipher(key_id).decrypt(
                sealed[_KEY_ID_BYTES:_HEAD], sealed[_HEAD:], belongs_to.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise SealError(f"An encrypted value of {belongs_to} cannot be decrypted.") from error
        return opened.decode()

    def _cipher(self, key_id: int) -> AESGCM:
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            cipher = self._ciphers[key_id] = AESGCM(self._ring.derive(key_id, self._purpose))
        return cipher


def sealed_with(sealed: bytes) -> int:
    """Return the id of the key that a value was encrypted with."""
    return int.from_bytes(sealed[:_KEY_ID_BYTES], "big")


class Digester:
    """Keyed digests (BLAKE2b, RFC 7693) of secrets, so that they are found without being stored.

    Args:
        ring: the key ring, whose pepper keys the digest.
        purpose: what is digested, such as "caller key": equal texts of two purposes have unrelated digests.
    """

    def __init__(self, ring: KeyRing, purpose: str) -> None:
        self._keyed = hashlib.blake2b(key=ring.derive_pepper(purpose), digest_size=DIGEST_BYTES)

    def __call__(self, text: str) -> bytes:
        """Return the 16-byte digest of the whole of `text`."""
        digest = self._keyed.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.digest()
