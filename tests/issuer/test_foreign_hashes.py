"""Hashes of passwords that other systems made: published ones are verified, absurd ones are refused."""

import base64
import hashlib
import time

import bcrypt
import pytest

from lingpai.issuer.foreign_hashes import UnknownHashError, read_hash
from lingpai.issuer.passwords import Passwords
from tests.helpers.passwords import CHEAP

SALT = b"$2b$04$abcdefghijklmnopqrstuu"
RFC_7914 = bytes.fromhex(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
)
ARGON2 = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
BCRYPT = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def sha256_bcrypt(password: str) -> str:
    inner = hashlib.sha256(password.encode()).hexdigest().encode()
    return "bcrypt_sha256$" + bcrypt.hashpw(inner, SALT).decode()


KNOWN = [
    # The reference implementation of argon2, test.c.
    ("argon2id", ARGON2, "password"),
    ("argon2id", "argon2" + ARGON2, "password"),
    # crypt_blowfish, wrapper.c; PHP writes 2y.
    ("bcrypt", BCRYPT, "U*U"),
    ("bcrypt", BCRYPT.replace("2a", "2y"), "U*U"),
    ("bcrypt", "bcrypt$" + BCRYPT.replace("2a", "2b"), "U*U"),
    ("bcrypt", sha256_bcrypt("长" * 40), "长" * 40),
    # RFC 7914 §12, in both forms.
    ("scrypt", f"scrypt$16384$SodiumChloride$8$1${b64(RFC_7914)}", "pleaseletmein"),
    (
        "scrypt",
        f"$scrypt$ln=14,r=8,p=1${b64(b'SodiumChloride').rstrip('=')}${b64(RFC_7914).rstrip('=')}",
        "pleaseletmein",
    ),
    # RFC 6070 §2.
    (
        "pbkdf2",
        f"pbkdf2_sha1$4096$salt${b64(bytes.fromhex('4b007901b765489abead49d926f721d065a429c1'))}",
        "password",
    ),
    # Django's own tests of its hashers.
    ("pbkdf2", "pbkdf2_sha256$260000$seasalt$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo=", "lètmein"),
]


@pytest.mark.parametrize(("kind", "text", "password"), KNOWN)
async def test_what_others_hashed_is_verified(kind: str, text: str, password: str) -> None:
    assert read_hash(text).kind == kind
    passwords = Passwords(CHEAP)
    assert await passwords.verify(text, password)
    assert not await passwords.verify(text, password + "x")
    assert not await passwords.verify(text, "")


@pytest.mark.parametrize(("kind", "text", "password"), KNOWN)
async def test_it_is_replaced_by_ours(kind: str, text: str, password: str) -> None:
    passwords = Passwords(CHEAP)
    fresh = await passwords.renewed(text, password)
    assert fresh.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert await passwords.verify(fresh, password)
    assert await passwords.renewed(fresh, password) == ""


KEY = b64(b"k" * 32)


@pytest.mark.threat("M134")
@pytest.mark.parametrize(
    "text",
    [
        ARGON2.replace("m=65536", "m=4194304"),
        ARGON2.replace("m=65536", "m=999999999"),
        ARGON2.replace("t=2", "t=1000"),
        ARGON2.replace("p=1", "p=200"),
        ARGON2.replace("p=1", "p=0"),
        ARGON2.replace("m=65536", "m=7"),
        BCRYPT.replace("$05$", "$31$"),
        BCRYPT.replace("$05$", "$15$"),
        BCRYPT.replace("$05$", "$03$"),
        f"scrypt$1073741824$s$8$1${KEY}",
        f"scrypt$16384$s$8$1000${KEY}",
        f"scrypt$16384$s$999999999$1${KEY}",
        f"scrypt$16383$s$8$1${KEY}",
        f"scrypt$0$s$8$1${KEY}",
        f"$scrypt$ln=99,r=8,p=1$c2FsdA${KEY.rstrip('=')}",
        f"pbkdf2_sha256$999999999$s${KEY}",
        f"pbkdf2_sha256$0$s${KEY}",
        f"pbkdf2_sha256$1000$s${b64(b'k')}",
        f"pbkdf2_sha256$1000$s${b64(b'k' * 300)}",
        "pbkdf2_sha256$1000$s$AAA=A",
        f"pbkdf2_md5$1000$s${KEY}",
        "md5$salt$0123456789abcdef0123456789abcdef",
        "$1$salt$hash",
        "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "0123456789abcdef0123456789abcdef",
        "correct horse",
        "",
        ARGON2 + "\n",
        ARGON2 + "x" * 600,
        BCRYPT.replace("E5", "é5"),
    ],
)
async def test_absurd_and_unknown_ones_are_refused_at_once(text: str) -> None:
    began = time.process_time()
    with pytest.raises(UnknownHashError):
        read_hash(text)
    assert not await Passwords(CHEAP).verify(text or "x", "password")  # also where one is stored already
    assert time.process_time() - began < 1


async def test_a_password_with_nul_or_more_than_bcrypt_looks_at_is_no_fault() -> None:
    passwords = Passwords(CHEAP)
    assert not await passwords.verify(BCRYPT, "U*U\0")
    long = "p" * 100
    hashed = bcrypt.hashpw(long[:72].encode(), bcrypt.gensalt(4)).decode()
    assert await passwords.verify(hashed, long)
