"""Encrypted handles: codes, tokens, tickets and cookies that name a row, and are stored nowhere themselves.

A handle is 16 bytes, encrypted by AES-SIV (RFC 5297) with the realm as associated data. It is deterministic, so the
same answer can be given twice without being stored, and it is authenticated before any I/O, so a forged one costs no
read. The 16 bytes, in bits from the first::

    kind 4 | id 40 | generation 20 | issued at 32 | salt 32        what is made now
    kind 8 | id 56 | generation 32 | issued at 32                  the earlier layout, for rows without a salt
    kind 4 | id 40 | words 8 | generation 12 | issued at 32 | salt 32      a token with less than its grant's scope
    kind 8 | words 8 | id 48 | generation 32 | issued at 32                the same in the earlier layout

Kinds are at most 15, so the first four bits are 0 in the earlier layout alone, which distinguishes the two.

Each row has a random salt, never below `LEAST_SALT`. An id can be used again (a restored backup, a standby that lost
commits); then the new row has another salt, and a handle of the old row does not match it. Rows of earlier releases
have the salt 0, and their handles stay in the earlier layout.

A token that is limited to some words of its grant's scope (RFC 6749 §6) has one bit for each, in the order of the
grant. No row is needed for that, as a grant's scope never changes. Such tokens have separate kinds in this module only;
everywhere else they have the same kind as tokens with the whole scope.

A generation has 20 bits, or 12 next to words. The higher bits are combined with the salt by exclusive or, so a grant
may be refreshed without limit and each handle still means one generation of one row (`generation_of`).
"""

import enum
import struct
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidTag

from lingpai.core import base64url
from lingpai.core.ciphers import RingCiphers
from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing

SEALED_BYTES = 32
_ID_BITS = 40
_GENERATION_BITS = 20
_KIND_SHIFT = _ID_BITS + _GENERATION_BITS
_LOW_GENERATION = (1 << _GENERATION_BITS) - 1
MAX_ID = (1 << _ID_BITS) - 1
LEAST_SALT = 1 << 16
MAX_SALT = (1 << 32) - 1
_MAX_TIME = (1 << 32) - 1
MAX_GENERATION = (LEAST_SALT << _GENERATION_BITS) - 1
"""Higher ones could turn a salt into 0."""
MAX_WORDS = 8
"""Words of a grant's scope that a token can be limited to, one by one."""
_LOW_NARROWED = (1 << _GENERATION_BITS - MAX_WORDS) - 1
MAX_NARROWED_GENERATION = (LEAST_SALT << _GENERATION_BITS - MAX_WORDS) - 1
"""The same as `MAX_GENERATION`, for tokens that are limited to some words of the scope."""
AHEAD = 1 << 10
"""Generations that a store may have lost: a handle that is further ahead is of another row."""
_LAYOUT = struct.Struct(">QII")

_EARLIER_ID_BITS = 56
_MAX_EARLIER_ID = (1 << _EARLIER_ID_BITS) - 1
_MAX_EARLIER_NARROWED_ID = _MAX_EARLIER_ID >> MAX_WORDS

_SALT_BYTES = 1 << 10
"""Random bytes that are asked for at a time."""


class HandleKind(enum.IntEnum):
    """The use of a handle, at most 15, without 9 and 10 (`_NARROWED`), and 7 and 8, which earlier releases used.

    A handle of one kind is never taken for another (threat F61).
    """

    CODE = 1
    ACCESS = 2
    REFRESH = 3
    APP_TOKEN = 4
    TICKET = 5
    SESSION = 6
    JTI = 11
    """The `jti` of an access token that is signed; it names the grant, and opens nothing."""
    PUSHED = 12
    DEVICE = 14
    DPOP_NONCE = 13
    """Names no row; says when it was made."""
    REGISTRATION = 15
    """Registers apps, or manages one (RFC 7591 §1.2): its generation says which, see `verbs.registrations`."""


_SALTED_EARLIER = frozenset({HandleKind.SESSION})
"""Kinds whose row had a salt in the earlier layout, in place of the generation."""

_NARROWED = {HandleKind.ACCESS: 9, HandleKind.APP_TOKEN: 10}
"""Kinds of tokens that may be good for some words of their grant's scope, and what such have for a kind on the wire."""


def _upper_hex(sealed: bytes) -> str:
    return sealed.hex().upper()


class HandleFormat(enum.Enum):
    """A text form of the 32 encrypted bytes: its name, the function that writes it and the one that reads it."""

    HEX = "hex", bytes.hex, bytes.fromhex
    UPPER_HEX = "upper_hex", _upper_hex, bytes.fromhex
    BASE64URL = "base64url", base64url.encode, base64url.decode_leniently

    write: Callable[[bytes], str]
    read: Callable[[str], bytes]

    def __new__(cls, name: str, write: Callable[[bytes], str], read: Callable[[str], bytes]) -> Self:
        """Return a format whose value is its name."""
        made = object.__new__(cls)
        made._value_ = name
        made.write, made.read = write, read
        return made


class Handle(NamedTuple):
    """The content of a handle.

    Attributes:
        id: names a row, in 40 bits.
        generation: number of the token among the row's tokens. After decryption the lowest 20 bits, until it is
            compared with the row (`of_row`).
        issued_at: unix time in seconds.
        salt: of the row, 0 for the earlier layout. After decryption combined with high bits of the generation.
        words: the words of the grant's scope that it is limited to: bit n is word n; 0 for all of them.
    """

    kind: HandleKind
    id: int
    generation: int
    issued_at: int
    salt: int = 0
    words: int = 0

    def generation_of(self, salt: int, newest: int) -> int | None:
        """Return the generation of a row that this is, or None when it was made for another row.

        Args:
            salt: of the row.
            newest: generation of the row, as stored.
        """
        if self.salt == salt:
            return self.generation
        if not self.salt or not salt:
            return None
        bits = _GENERATION_BITS - MAX_WORDS if self.words else _GENERATION_BITS
        whole = (self.salt ^ salt) << bits | self.generation
        return whole if whole <= newest + AHEAD else None

    def of_row(self, salt: int, newest: int) -> Self | None:
        """Return this handle with its whole generation, or None for another row's handle; see `generation_of`."""
        whole = self.generation_of(salt, newest)
        if whole is None or whole == self.generation:
            return self if whole is not None else None
        return self._replace(generation=whole, salt=salt)


Opener = Callable[[str], Handle | None]
"""Opens a text: returns its handle, or None when it is not exactly a handle of one realm, kind and format."""
Sealer = Callable[..., str]
"""The text of a handle by (row, generation, issued at, salt, words=0); raises OverflowError when one does not fit."""

_new_tuple: Final = tuple.__new__
"""Makes a `Handle` without the Python function that a named tuple has for that."""


def read_salts(random_bytes: Callable[[int], bytes]) -> Iterator[int]:
    """Return salts for new rows, without end; a Python function runs once for many of them."""
    blocks = iter(lambda: struct.iter_unpack(">I", random_bytes(_SALT_BYTES)), None)
    return filter(LEAST_SALT.__le__, chain.from_iterable(chain.from_iterable(blocks)))


class Handles:
    """Encrypts and decrypts the handles of one realm.

    Args:
        ring: the key ring; its newest key encrypts, every key decrypts.
        realm: the name of the realm, part of the associated data.
        clock: gives the age of keys and the time to look for new ones.
    """

    def __init__(self, ring: KeyRing, realm: str, clock: Clock) -> None:
        self._bound = [b"lingpai/realm/" + realm.encode()]
        self._ciphers = RingCiphers(ring, "handles", clock)
        self._steady = clock.steady

    def sealer(self, kind: HandleKind, form: HandleFormat = HandleFormat.HEX) -> Sealer:
        """Return a function that seals handles of one kind and format: 64 hex digits, or 43 base64url characters."""
        ciphers, bound, steady = self._ciphers, self._bound, self._steady
        head, write, pack = kind << _KIND_SHIFT, form.write, _LAYOUT.pack

        def seal(row: int, generation: int, issued_at: int, salt: int, words: int = 0) -> str:
            if (
                not words
                and 0 <= row <= MAX_ID
                and 0 <= generation <= _LOW_GENERATION
                and 0 <= issued_at <= _MAX_TIME
                and LEAST_SALT <= salt <= MAX_SALT
            ):
                plain = pack(head | row << _GENERATION_BITS | generation, issued_at, salt)
            else:
                plain = _pack(Handle(kind, row, generation, issued_at, salt, words))
            if steady() >= ciphers.look_at:
                ciphers.stay_current()
            return write(ciphers.sealing.encrypt(plain, bound))

        return seal

    def opener(self, kind: HandleKind, form: HandleFormat = HandleFormat.HEX) -> Opener:
        """Return a function that opens handles of one kind and format."""
        ciphers, bound, steady = self._ciphers, self._bound, self._steady
        number, read, write, unpack = int(kind), form.read, form.write, _LAYOUT.unpack

        def open_handle(text: str) -> Handle | None:
            try:
                sealed = read(text)
            except ValueError:
                return None
            # One spelling only: decoders skip blanks, take either case, and base64's last character has bits to spare.
            if len(sealed) != SEALED_BYTES or write(sealed) != text:
                return None
            if steady() >= ciphers.look_at:
                ciphers.stay_current()
            try:
                plain = ciphers.opening[0].decrypt(sealed, bound)
            except InvalidTag:
                older = ciphers.open(sealed, bound)
                if older is None:
                    return None
                plain = older
            head, issued_at, salt = unpack(plain)
            if head >> _KIND_SHIFT == number and salt >= LEAST_SALT:
                row, generation = head >> _GENERATION_BITS & MAX_ID, head & _LOW_GENERATION
                return _new_tuple(Handle, (kind, row, generation, issued_at, salt, 0))
            return _unpack(plain, kind)

        return open_handle

    def seal(self, handle: Handle, form: HandleFormat = HandleFormat.HEX) -> str:
        """The handle as text.

        Raises:
            OverflowError: when a field does not fit.
        """
        return self.sealer(handle.kind, form)(*handle[1:])

    def seal_with_each(self, handle: Handle, form: HandleFormat = HandleFormat.HEX) -> tuple[str, ...]:
        """Return the handle encrypted with each key of the ring, the newest first: all texts that decrypt to it.

        Raises:
            OverflowError: when a field does not fit.
        """
        plain = _pack(handle)
        self._ciphers.stay_current()
        return tuple(form.write(cipher.encrypt(plain, self._bound)) for cipher in self._ciphers.opening)

    def unseal(self, text: str, kind: HandleKind, form: HandleFormat = HandleFormat.HEX) -> Handle | None:
        """Return the handle of a text, or None when the text is not exactly one of this realm, kind and format."""
        return self.opener(kind, form)(text)


def _pack(handle: Handle) -> bytes:
    kind, row, generation, issued_at, salt, words = handle
    if words:
        return _pack_narrowed(handle)
    earlier = salt < LEAST_SALT
    fields = (
        _earlier_fields(handle)
        if earlier
        else (
            kind << _KIND_SHIFT | row << _GENERATION_BITS | generation & _LOW_GENERATION,
            issued_at,
            salt ^ generation >> _GENERATION_BITS,
        )
    )
    most = (_MAX_EARLIER_ID, MAX_SALT) if earlier else (MAX_ID, MAX_GENERATION)
    if not (0 <= row <= most[0] and 0 <= generation <= most[1]):
        raise OverflowError(f"{handle} does not fit")
    try:
        return _LAYOUT.pack(*fields)
    except struct.error as error:
        raise OverflowError(f"{handle} does not fit") from error


def _pack_narrowed(handle: Handle) -> bytes:
    kind, row, generation, issued_at, salt, words = handle
    earlier = salt < LEAST_SALT
    most = (_MAX_EARLIER_NARROWED_ID, MAX_SALT) if earlier else (MAX_ID, MAX_NARROWED_GENERATION)
    fits = 0 <= row <= most[0] and 0 <= generation <= most[1] and 0 < words < 1 << MAX_WORDS
    if not fits or kind not in _NARROWED or 0 < salt < LEAST_SALT:
        raise OverflowError(f"{handle} does not fit")
    named = _NARROWED[kind]
    bits = _GENERATION_BITS - MAX_WORDS
    try:
        if earlier:
            head = named << _EARLIER_ID_BITS | words << _EARLIER_ID_BITS - MAX_WORDS | row
            return _LAYOUT.pack(head, generation, issued_at)
        head = named << _KIND_SHIFT | row << _GENERATION_BITS | words << bits | generation & _LOW_NARROWED
        return _LAYOUT.pack(head, issued_at, salt ^ generation >> bits)
    except struct.error as error:
        raise OverflowError(f"{handle} does not fit") from error


def _earlier_fields(handle: Handle) -> tuple[int, int, int]:
    kind, row, generation, issued_at, salt, _ = handle
    if (generation if kind in _SALTED_EARLIER else salt) != 0:
        raise OverflowError(f"{handle} does not fit")
    return kind << _EARLIER_ID_BITS | row, generation or salt, issued_at


def _unpack(plain: bytes, kind: HandleKind) -> Handle | None:
    head, middle, last = _LAYOUT.unpack(plain)
    if head >> _KIND_SHIFT == kind:
        row = head >> _GENERATION_BITS & MAX_ID
        return Handle(kind, row, head & _LOW_GENERATION, middle, last) if last >= LEAST_SALT else None
    if head >> _EARLIER_ID_BITS != kind:
        return _unpack_narrowed(head, middle, last, kind)
    row = head & _MAX_EARLIER_ID
    return Handle(kind, row, 0, last, middle) if kind in _SALTED_EARLIER else Handle(kind, row, middle, last)


def _unpack_narrowed(head: int, middle: int, last: int, kind: HandleKind) -> Handle | None:
    named = _NARROWED.get(kind)
    if head >> _KIND_SHIFT == named:
        words, generation = divmod(head & _LOW_GENERATION, _LOW_NARROWED + 1)
        row = head >> _GENERATION_BITS & MAX_ID
        return Handle(kind, row, generation, middle, last, words) if words and last >= LEAST_SALT else None
    if head >> _EARLIER_ID_BITS == named:
        words, row = divmod(head & _MAX_EARLIER_ID, _MAX_EARLIER_NARROWED_ID + 1)
        return Handle(kind, row, middle, last, 0, words) if words else None
    return None
