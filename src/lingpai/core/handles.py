"""Sealed handles: codes, tokens and tickets that name a row and need none of their own (DESIGN §3).

A handle is 16 bytes, `kind 1 | id 7 | generation 4 | issued at 4`, sealed by AES-SIV (RFC 5297) with the
realm as associated data. It is deterministic, so the same answer can be given twice without being stored, and
it is proved before any I/O, so a forged one costs no read.
"""

import base64
import enum
import struct
from collections.abc import Callable
from typing import NamedTuple, Self

from lingpai.core.ciphers import RingCiphers
from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing

SEALED_BYTES = 32
_ID_BITS = 56
MAX_ID = (1 << _ID_BITS) - 1
MAX_GENERATION = (1 << 32) - 1
_LAYOUT = struct.Struct(">QII")


class HandleKind(enum.IntEnum):
    """What a handle is for. A handle of one kind is never taken for another (attacks F61)."""

    CODE = 1
    ACCESS = 2
    REFRESH = 3
    APP_TOKEN = 4
    TICKET = 5
    SESSION = 6
    AUTHORIZATION = 7
    FORM = 8


def _upper_hex(sealed: bytes) -> str:
    return sealed.hex().upper()


def _base64url(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _read_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=")


class HandleFormat(enum.Enum):
    """How the 32 sealed bytes are written: the name, what writes them, and what reads at least what that wrote."""

    HEX = "hex", bytes.hex, bytes.fromhex
    UPPER_HEX = "upper_hex", _upper_hex, bytes.fromhex
    BASE64URL = "base64url", _base64url, _read_base64url

    write: Callable[[bytes], str]
    read: Callable[[str], bytes]

    def __new__(cls, name: str, write: Callable[[bytes], str], read: Callable[[str], bytes]) -> Self:
        """A format whose value is its name."""
        made = object.__new__(cls)
        made._value_ = name
        made.write, made.read = write, read
        return made


class Handle(NamedTuple):
    """What a handle says.

    `id` names a row (56 bits), `generation` which of its tokens this is, `issued_at` is unix time in seconds.
    """

    kind: HandleKind
    id: int
    generation: int
    issued_at: int


class Handles:
    """Seals and unseals the handles of one realm.

    Args:
        ring: the key ring; its newest key seals, all of them open.
        realm: the instance's name, bound into every seal.
        clock: tells the age of keys and when to look for new ones.
    """

    def __init__(self, ring: KeyRing, realm: str, clock: Clock) -> None:
        self._bound = [b"lingpai/realm/" + realm.encode()]
        self._ciphers = RingCiphers(ring, "handles", clock)

    def seal(self, handle: Handle, form: HandleFormat = HandleFormat.HEX) -> str:
        """The handle as text: 64 hex digits, or 43 base64url characters.

        Raises:
            OverflowError: when a field does not fit.
        """
        plain = _pack(handle)
        self._ciphers.stay_current()
        return form.write(self._ciphers.sealing.encrypt(plain, self._bound))

    def seal_with_each(self, handle: Handle, form: HandleFormat = HandleFormat.HEX) -> tuple[str, ...]:
        """The handle as each key of the ring writes it, that of the newest first: all texts that open as it.

        Raises:
            OverflowError: when a field does not fit.
        """
        plain = _pack(handle)
        self._ciphers.stay_current()
        return tuple(form.write(cipher.encrypt(plain, self._bound)) for cipher in self._ciphers.opening)

    def unseal(self, text: str, kind: HandleKind, form: HandleFormat = HandleFormat.HEX) -> Handle | None:
        """What the text says, or None when it is not exactly a handle of ours, of this realm, kind and format."""
        try:
            sealed = form.read(text)
        except ValueError:
            return None
        # One spelling only: decoders skip blanks, take either case, and base64's last character has two bits to spare.
        if len(sealed) != SEALED_BYTES or form.write(sealed) != text:
            return None
        self._ciphers.stay_current()
        plain = self._ciphers.open(sealed, self._bound)
        if plain is None or plain[0] != kind:
            return None
        head, generation, issued_at = _LAYOUT.unpack(plain)
        return Handle(kind, head & MAX_ID, generation, issued_at)


def _pack(handle: Handle) -> bytes:
    kind, row, generation, issued_at = handle
    if row >> _ID_BITS:
        raise OverflowError(f"{handle} does not fit")
    try:
        return _LAYOUT.pack(kind << _ID_BITS | row, generation, issued_at)
    except struct.error as error:
        raise OverflowError(f"{handle} does not fit") from error
