"""Encryption at rest, for every engine."""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.core.seals import Digester, Sealer, SealError

RETRY_AFTER = 30.0
"""Seconds after which another node, or this one with the right key ring, may well answer."""


class UnreadableError(SealError, LingpaiError):
    """A stored value that this node's key ring does not decrypt: for callers, this node's store is unavailable.

    `detail` says which value or which key, for the log and for operators.
    """

    def __init__(self, cause: SealError | KeyRingError) -> None:
        LingpaiError.__init__(
            self,
            Kind.STORE_UNAVAILABLE,
            "The store is not available at the moment; try again later.",
            detail=f"{cause} Every node needs the same key ring: copy it from the node where the key was rotated.",
            retry_after=RETRY_AFTER,
        )


class Vault:
    """Seals what a stolen file must not show, and makes the digests by which it is found all the same.

    Args:
        ring: the key ring.
    """

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self.digest_secret = Digester(ring, "app secret")
        self.digest_value = Digester(ring, "held value")
        self.digest_audit = Digester(ring, "audit trail")
        self._sealer = Sealer(ring, "store")

    def seal(self, value: str, column: str, *row: object) -> bytes:
        """Seal a value for one column ("table.column") of the row with this natural key."""
        return self._sealer.seal(value, _place(column, row))

    def open(self, sealed: bytes, column: str, *row: object) -> str:
        """The value that was sealed for this place.

        Raises:
            UnreadableError: it was not sealed for it, or the ring has not its key.
        """
        try:
            return self._sealer.open(sealed, _place(column, row))
        except (SealError, KeyRingError) as error:
            raise UnreadableError(error) from error


def fingerprint_of(ring: KeyRing) -> bytes:
    """Return a digest that identifies a key ring through all its rotations, and reveals nothing else about it."""
    return ring.derive_pepper("fingerprint")


def _place(column: str, row: tuple[object, ...]) -> str:
    return column + msgspec.json.encode(row).decode()
