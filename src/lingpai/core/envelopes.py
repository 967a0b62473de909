"""The encrypted envelopes in which WeChat and WeCom push to callbacks, in both directions.

An envelope is XML or JSON with a member `Encrypt`: base64 of AES-256-CBC (key from the EncodingAESKey, its first 16
bytes as the initialisation vector, PKCS#7 to 32 bytes) over 16 random bytes, the length of the message in 4 bytes, the
message, and the id of the receiver. `msg_signature` is SHA-1 over token, timestamp, nonce and `Encrypt`, sorted.
"""

import base64
import binascii
import hashlib
import hmac
import os
import struct
from collections.abc import Collection
from typing import Final

import msgspec

KEY_LENGTH: Final = 43
_BLOCK: Final = 32
_RANDOM: Final = 16
_HEAD: Final = _RANDOM + 4
_MOST_DEPTH: Final = 8


class EnvelopeError(Exception):
    """An envelope was not made for the receiver; says why in a word, for counting, and shows nothing of it."""


def is_key(text: str) -> bool:
    """Return whether a text is an EncodingAESKey."""
    try:
        return len(text) == KEY_LENGTH and len(_bytes_of(text)) == _BLOCK
    except EnvelopeError:
        return False


def signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """Return the `msg_signature` of an envelope, as lower-case hex."""
    text = "".join(sorted((token, timestamp, nonce, encrypted)))
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def is_signed(given: str, token: str, timestamp: str, nonce: str, encrypted: str) -> bool:
    """Return whether a signature is the right one, in constant time."""
    expected = signature(token, timestamp, nonce, encrypted)
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def encrypt(key: str, receiver: str, message: str) -> str:
    """Return a message encrypted for a receiver.

    Args:
        key: the EncodingAESKey.
        receiver: its id: an appid, a suite_id, a corpid.
        message: what is to be said.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415  for callbacks alone

    raw, text = _bytes_of(key), message.encode()
    plain = os.urandom(_RANDOM) + struct.pack(">I", len(text)) + text + receiver.encode()
    rest = _BLOCK - len(plain) % _BLOCK
    encryptor = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).encryptor()
    sealed = encryptor.update(plain + bytes([rest]) * rest) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(key: str, receivers: Collection[str], encrypted: str) -> str:
    """Return the message in what was encrypted for one of these receivers.

    Raises:
        EnvelopeError: "key" when it was encrypted with another one, "receiver" when for another one.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415  for callbacks alone

    raw = _bytes_of(key)
    try:
        sealed = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError("key") from error
    if not sealed or len(sealed) % _BLOCK:
        raise EnvelopeError("key")
    decryptor = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).decryptor()
    plain = decryptor.update(sealed) + decryptor.finalize()
    rest = plain[-1]
    if not 1 <= rest <= _BLOCK or plain[-rest:] != bytes([rest]) * rest or len(plain) < _HEAD + rest:
        raise EnvelopeError("key")
    length = int.from_bytes(plain[_RANDOM:_HEAD], "big")
    content = plain[_HEAD:-rest]
    if length > len(content):
        raise EnvelopeError("key")
    try:
        message, receiver = content[:length].decode(), content[length:].decode()
    except UnicodeDecodeError as error:
        raise EnvelopeError("key") from error
    if receiver not in receivers:
        raise EnvelopeError("receiver")
    return message


def read(document: bytes | str) -> dict[str, str]:
    """Return the members of the outermost element, or of a JSON object, that are texts or numbers.

    Raises:
        EnvelopeError: "form": it is neither, or has a document type (which no platform sends).
    """
    content = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    if content.lstrip()[:1] == b"{":
        return _read_json(content)
    return _read_xml(content)


def _read_json(content: bytes) -> dict[str, str]:
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError("form") from error
    return {
        name: str(value)
        for name, value in found.items()
        if isinstance(value, str | int) and not isinstance(value, bool)
    }


def _read_xml(content: bytes) -> dict[str, str]:
    from xml.parsers import expat  # noqa: PLC0415  for callbacks alone

    parser = expat.ParserCreate(encoding="utf-8")
    found: dict[str, str] = {}
    path: list[str] = []

    def refuse(*_declared: object) -> None:
        raise EnvelopeError("form")

    def begin(name: str, _attributes: object) -> None:
        path.append(name)
        if len(path) > _MOST_DEPTH:
            raise EnvelopeError("form")

    def end(_name: str) -> None:
        path.pop()

    def take(text: str) -> None:
        if len(path) == 2:  # noqa: PLR2004  the members of the outermost element
            found[path[1]] = found.get(path[1], "") + text

    # Entities need a document type, so there are none to expand.
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, take
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError) as error:
        raise EnvelopeError("form") from error
    return found


def write(members: dict[str, str]) -> str:
    """Return members as XML, as the platforms write it."""
    inner = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in members.items())
    return f"<xml>{inner}</xml>"


def _bytes_of(key: str) -> bytes:
    try:
        return base64.b64decode(key + "=", validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError("key") from error
