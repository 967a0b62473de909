"""Signatures and encryption of the messages that WeChat and WeCom push, and of the answers to them.

The 43 characters of an EncodingAESKey are a key of 256 bits in base64 without its last character. A text is 16 random
bytes, the length of the message in 4 bytes (big-endian), the message, and the id of the receiver; padded to blocks of
32 bytes as PKCS #7 pads (RFC 5652 §6.3), encrypted by AES-CBC, with the first 16 bytes of the key as the vector.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
import string
from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple

KEY_FORM: Final = re.compile(r"[A-Za-z0-9]{43}")
"""An EncodingAESKey."""
_APART: Final = 600.0
"""Seconds by which the time of a push may be off."""
_MOST_DIGITS: Final = 12
_CHARACTERS: Final = string.ascii_letters + string.digits
_BLOCK: Final = 32
_VECTOR: Final = 16
_HEAD: Final = 20


class MessageError(Exception):
    """A text is not encrypted with this key, or damaged."""


def new_key() -> str:
    """Return an EncodingAESKey that nobody has."""
    return "".join(secrets.choice(_CHARACTERS) for _ in range(43))


class Opened(NamedTuple):
    """A decrypted text: the message, and the id of the receiver that it was encrypted for."""

    message: bytes
    receiver: str


def signature(*parts: str) -> str:
    """Return the SHA-1 of the sorted parts, in hex: the token, timestamp, nonce and, of encrypted ones, the text."""
    return hashlib.sha1(_bytes_of("".join(sorted(parts))), usedforsecurity=False).hexdigest()


def is_signed(given: str, *parts: str) -> bool:
    """Return whether a signature is that of these parts."""
    return hmac.compare_digest(_bytes_of(given), signature(*parts).encode())


def is_timely(timestamp: str, now: float) -> bool:
    """Return whether the time of a push, in Unix seconds, is at most 10 minutes from `now`."""
    digits = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _MOST_DIGITS
    return digits and abs(now - int(timestamp)) <= _APART


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # what strangers send may not be text


class MessageCipher:
    """Encrypts and decrypts with one EncodingAESKey.

    Args:
        encoding_key: its 43 characters.

    Raises:
        ValueError: it is none.
    """

    def __init__(self, encoding_key: str) -> None:
        if not KEY_FORM.fullmatch(encoding_key):
            raise ValueError("an EncodingAESKey has 43 letters and digits")
        self._key = base64.b64decode(encoding_key + "=")

    def encrypt(self, message: bytes, receiver: str) -> str:
        """Return a message as an encrypted text for a receiver."""
        plain = os.urandom(_VECTOR) + len(message).to_bytes(4, "big") + message + receiver.encode()
        count = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher().encryptor()
        sealed = encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def decrypt(self, text: str) -> Opened:
        """Return what an encrypted text contains.

        Raises:
            MessageError: it is not encrypted with this key.
        """
        try:
            sealed = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MessageError("not base64") from error
        if not sealed or len(sealed) % _BLOCK:
            raise MessageError("not whole blocks")
        decryptor = self._cipher().decryptor()
        plain = decryptor.update(sealed) + decryptor.finalize()
        count = plain[-1]
        if not 1 <= count <= _BLOCK or plain[-count:] != bytes([count]) * count:
            raise MessageError("not padded")
        plain = plain[:-count]
        end = _HEAD + int.from_bytes(plain[_VECTOR:_HEAD], "big")
        if len(plain) < _HEAD or end > len(plain):
            raise MessageError("shorter than it says")
        try:
            return Opened(plain[_HEAD:end], plain[end:].decode())
        except UnicodeDecodeError as error:
            raise MessageError("its receiver is not text") from error

    def _cipher(self) -> Any:
        # Loaded where messages are encrypted: most workers never need it.
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415

        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:_VECTOR]))


def decrypt_for(receivers: Collection[str], keys: Iterable[str], text: str) -> bytes:
    """Return the message in a text that was encrypted for one of these receivers with one of these keys.

    Args:
        receivers: ids of the receiver.
        keys: EncodingAESKeys, the current one and the one before; those that are "" are skipped.
        text: what is encrypted.

    Raises:
        MessageError: "key" when none of the keys fits, "receiver" when it was encrypted for another one.
    """
    problem = "key"
    for key in filter(None, keys):
        try:
            opened = MessageCipher(key).decrypt(text)
        except MessageError:
            continue
        if opened.receiver in receivers:
            return opened.message
        problem = "receiver"
    raise MessageError(problem)
