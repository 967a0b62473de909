"""What seals at rest, for every engine."""

import msgspec

from lingpai.core.keyring import KeyRing
from lingpai.core.seals import Digester, Sealer


class Vault:
    """Seals what a stolen file must not show, and makes the digests by which it is found all the same.

    Args:
        ring: the key ring.
    """

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self.digest_secret = Digester(ring, "app secret")
        self.digest_value = Digester(ring, "held value")
        self._sealer = Sealer(ring, "store")

    def seal(self, value: str, column: str, *row: object) -> bytes:
        """Seal a value for one column ("table.column") of the row with this natural key."""
        return self._sealer.seal(value, _place(column, row))

    def open(self, sealed: bytes, column: str, *row: object) -> str:
        """The value that was sealed for this place.

        Raises:
            SealError: when it was not sealed for it.
            KeyRingError: when its key was retired.
        """
        return self._sealer.open(sealed, _place(column, row))


def fingerprint_of(ring: KeyRing) -> bytes:
    """What tells this key ring from any other through all its rotations, and nothing else about it."""
    return ring.derive_pepper("fingerprint")


def _place(column: str, row: tuple[object, ...]) -> str:
    return column + msgspec.json.encode(row).decode()
