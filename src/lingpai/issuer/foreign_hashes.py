"""Hashes of passwords that another system made: read, checked against limits, and verified until they are replaced.

Known are argon2id (PHC string), bcrypt (`$2a$`, `$2b$`, `$2y$`), scrypt and PBKDF2, each also in Django's form.
What one verification may cost is limited, so that a hash of absurd cost does not delay every login.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final, NamedTuple

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

MAX_HASH: Final = 512
"""Characters of a hash."""
ARGON2_KIB: Final = 256 * 1024
"""Most memory of one verification, in KiB."""
ARGON2_WORK: Final = 1024 * 1024
"""Most memory times passes, in KiB: about a second."""
ARGON2_LANES: Final = 16
BCRYPT_ROUNDS: Final = 14
"""Most rounds, as a power of two: 14 take about a second."""
SCRYPT_BYTES: Final = 256 * 1024 * 1024
"""Most memory, 128 * N * r bytes (RFC 7914 §2), times p."""
PBKDF2_ITERATIONS: Final = 3_000_000
"""Most iterations (RFC 8018 §5.2): about a second."""

_BCRYPT_BYTES: Final = 72
"""Bytes of a password that bcrypt looks at."""
_KEY_BYTES: Final = (16, 64)
"""Fewest and most bytes of a derived key."""
_ARGON2: Final = re.compile(
    r"(?:argon2)?(\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,9})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86})"
)
_BCRYPT: Final = re.compile(r"(bcrypt_sha256\$|bcrypt\$|)(\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53})")
_SCRYPT: Final = re.compile(r"scrypt\$(\d{1,9})\$([^$]{1,128})\$(\d{1,9})\$(\d{1,9})\$([A-Za-z0-9+/]+={0,2})")
_SCRYPT_PHC: Final = re.compile(
    r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,9}),p=(\d{1,9})\$([A-Za-z0-9+/]{1,128})\$([A-Za-z0-9+/]+)"
)
_PBKDF2: Final = re.compile(r"pbkdf2_(sha1|sha256|sha512)\$(\d{1,9})\$([^$]{1,128})\$([A-Za-z0-9+/]+={0,2})")


class UnknownHashError(ValueError):
    """The text is no hash of a known kind, or costs too much to verify. `str()` says which, in a sentence."""


class Foreign(NamedTuple):
    """A hash that was read.

    Attributes:
        kind: "argon2id", "bcrypt", "scrypt" or "pbkdf2".
        matches: whether a password, in UTF-8, is the one that was hashed; takes as long as the hash costs.
    """

    kind: str
    matches: Callable[[bytes], bool]


def read_hash(text: str) -> Foreign:
    """Return a hash that can be verified.

    Raises:
        UnknownHashError: it is none.
    """
    if len(text) <= MAX_HASH and text.isascii():
        for pattern, read in _READERS:
            found = pattern.fullmatch(text)
            if found is not None:
                return read(found)
    raise UnknownHashError("The password hash is not one of argon2id, bcrypt, scrypt or Django's PBKDF2.")


def _argon2id(found: re.Match[str]) -> Foreign:
    memory, passes, lanes = (int(found[group]) for group in (2, 3, 4))
    low = min(passes, lanes) < 1 or memory < 8 * lanes  # RFC 9106 §3.1
    if low or memory > ARGON2_KIB or memory * passes > ARGON2_WORK or lanes > ARGON2_LANES:
        raise _cost()
    hasher, encoded = argon2.PasswordHasher(), found[1]

    def matches(password: bytes) -> bool:
        try:
            return hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    return Foreign("argon2id", matches)


def _bcrypt(found: re.Match[str]) -> Foreign:
    form, encoded, rounds = found[1], found[2].encode(), int(found[3])
    if not 4 <= rounds <= BCRYPT_ROUNDS:  # noqa: PLR2004  bcrypt's least
        raise _cost()

    def matches(password: bytes) -> bool:
        import bcrypt  # noqa: PLC0415  few services have such a hash

        given = hashlib.sha256(password).hexdigest().encode() if form == "bcrypt_sha256$" else password
        if b"\0" in given:
            return False
        return bcrypt.checkpw(given[:_BCRYPT_BYTES], encoded)

    return Foreign("bcrypt", matches)


def _scrypt_of_django(found: re.Match[str]) -> Foreign:
    n, r, p = (int(found[group]) for group in (1, 3, 4))
    return _scrypt(n, r, p, found[2].encode(), _unb64(found[5]))


def _scrypt_phc(found: re.Match[str]) -> Foreign:
    n, r, p = 1 << int(found[1]), int(found[2]), int(found[3])
    return _scrypt(n, r, p, _unb64(found[4]), _unb64(found[5]))


def _scrypt(n: int, r: int, p: int, salt: bytes, key: bytes) -> Foreign:
    if n < 2 or n & (n - 1) or min(r, p) < 1 or 128 * n * r * p > SCRYPT_BYTES:  # noqa: PLR2004  RFC 7914 §6
        raise _cost()
    memory = 128 * n * r + 128 * r * p + 1024 * 1024
    return _derived("scrypt", key, lambda password: hashlib.scrypt(
        password, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=len(key)
    ))  # fmt: skip


def _pbkdf2(found: re.Match[str]) -> Foreign:
    name, iterations, salt, key = found[1], int(found[2]), found[3].encode(), _unb64(found[4])
    if not 1 <= iterations <= PBKDF2_ITERATIONS:
        raise _cost()
    return _derived(
        "pbkdf2", key, lambda password: hashlib.pbkdf2_hmac(name, password, salt, iterations, len(key))
    )


def _derived(kind: str, key: bytes, derive: Callable[[bytes], bytes]) -> Foreign:
    if not _KEY_BYTES[0] <= len(key) <= _KEY_BYTES[1]:
        raise UnknownHashError("The password hash has a key of an unknown length.")
    return Foreign(kind, lambda password: hmac.compare_digest(derive(password), key))


def _unb64(text: str) -> bytes:
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error as error:
        raise UnknownHashError("The password hash is not base64.") from error


def _cost() -> UnknownHashError:
    return UnknownHashError("The password hash costs too much to verify, or too little.")


_READERS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Foreign]], ...]] = (
    (_ARGON2, _argon2id),
    (_BCRYPT, _bcrypt),
    (_SCRYPT, _scrypt_of_django),
    (_SCRYPT_PHC, _scrypt_phc),
    (_PBKDF2, _pbkdf2),
)
