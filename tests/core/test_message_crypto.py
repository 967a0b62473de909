"""Messages of WeChat and WeCom: encrypted as their own libraries do, and nothing else is read."""

import base64
import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from lingpai.core.message_crypto import MessageCipher, MessageError, is_signed, signature
from lingpai.core.message_fields import MessageFieldsError, read_fields, write_fields

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OTHER = "G" + KEY[:-1]

# The example of WeCom's documentation (path 90307): token, time, nonce, the encrypted echostr.
DOC_TOKEN, DOC_TIME, DOC_NONCE = "QDG6eK", "1409659813", "1372623149"
DOC_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
DOC_TEXT = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/"
    "sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+H"
    "MZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB"
    "3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVK"
    "n28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)


def test_the_example_of_the_documentation_is_read() -> None:
    assert is_signed("477715d11cdb4164915debcba66cb864d751f3e6", DOC_TOKEN, DOC_TIME, DOC_NONCE, DOC_TEXT)
    opened = MessageCipher(DOC_KEY).decrypt(DOC_TEXT)
    fields = read_fields(opened.message)
    assert opened.receiver == fields["ToUserName"] == "wx5823bf96d3bd56c7"
    assert (fields["MsgType"], fields["Content"], fields["AgentID"]) == ("text", "hello", "218")


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_encrypted_is_decrypted(message: bytes, receiver: str) -> None:
    cipher = MessageCipher(KEY)
    assert cipher.decrypt(cipher.encrypt(message, receiver)) == (message, receiver)


def test_two_texts_of_one_message_differ() -> None:
    cipher = MessageCipher(KEY)
    assert cipher.encrypt(b"a", "wx") != cipher.encrypt(b"a", "wx")


@given(
    st.one_of(st.text(max_size=80), st.binary(max_size=256).map(lambda raw: base64.b64encode(raw).decode()))
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MessageError):
        MessageCipher(KEY).decrypt(text)


def test_a_text_of_another_key_is_refused() -> None:
    text = MessageCipher(OTHER).encrypt(b"<xml/>" * 9, "wx")
    with pytest.raises(MessageError):
        MessageCipher(KEY).decrypt(text)


@pytest.mark.parametrize(
    "plain", [b"", b"x" * 19, b"x" * 16 + b"\xff" * 4, b"x" * 16 + bytes(4) + b"\xff\xfe"]
)
def test_a_text_that_is_not_built_so_is_refused(plain: bytes) -> None:
    key = base64.b64decode(KEY + "=")
    count = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = encryptor.update(plain + bytes([count]) * count) + encryptor.finalize()
    with pytest.raises(MessageError):
        MessageCipher(KEY).decrypt(base64.b64encode(sealed).decode())


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + "A", KEY[:-1] + "=", "中" * 43])
def test_no_other_key_is_taken(key: str) -> None:
    with pytest.raises(ValueError, match="43"):
        MessageCipher(key)


def test_signatures_depend_on_every_part() -> None:
    parts = ("token", "1", "nonce")
    assert is_signed(signature(*parts), *reversed(parts))
    assert not is_signed(signature(*parts), "token", "2", "nonce")
    assert not is_signed("", *parts)
    assert not is_signed("签名", *parts)


def test_fields_are_written_as_the_platforms_write_them() -> None:
    fields = {"ToUserName": "gh_1", "CreateTime": "12", "MsgId": "34", "Content": "a]]>b <c> 中"}
    written = write_fields(fields)
    assert b"<CreateTime>12</CreateTime>" in written
    assert b"<![CDATA[gh_1]]>" in written
    assert read_fields(written) == fields


def test_inner_elements_are_left_out() -> None:
    body = b"<xml><Event>scancode</Event><ScanCodeInfo>a<ScanType>qr</ScanType></ScanCodeInfo></xml>"
    assert read_fields(body) == {"Event": "scancode", "ScanCodeInfo": "a"}


BOMB = b'<!DOCTYPE xml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><xml><Content>&b;</Content></xml>'
FILE = b'<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Content>&a;</Content></xml>'


@pytest.mark.parametrize(
    "body",
    [BOMB, FILE, b"", b"{", b"[]", b'{"a":\xff}', b"<a/>", b"<xml>", b"<xml><a/><a/></xml>", b"<xml>\xff</xml>",
     b"<a>" * 5000,
     b"<xml>" + b"<a>" * 40 + b"</a>" * 40 + b"</xml>", b"\x00" * 9],
)  # fmt: skip
def test_other_documents_are_refused(body: bytes) -> None:
    with pytest.raises(MessageFieldsError):
        read_fields(body)


def test_json_is_read_as_xml_is() -> None:
    assert read_fields(b' {"Encrypt": "x", "CreateTime": 12, "a": {}, "b": true}') == {
        "Encrypt": "x",
        "CreateTime": "12",
    }


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read_fields(body)
    except MessageFieldsError:
        return


def test_random_bytes_of_whole_blocks_are_refused() -> None:
    texts = [base64.b64encode(os.urandom(64)).decode() for _ in range(200)]
    for text in texts:
        with pytest.raises(MessageError):
            MessageCipher(KEY).decrypt(text)
