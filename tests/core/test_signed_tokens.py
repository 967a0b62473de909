"""Signed tokens of anybody are read, or are none; nothing that they say is too much."""

from typing import Any

import msgspec
import pytest

from lingpai.core import base64url
from lingpai.core.signed_tokens import MAX_JTI, MAX_LENGTH, read_compact

HEADER = b'{"alg":"ES256","kid":"1"}'
DEEP = b'{"kid":' + b"[" * 1500 + b"]" * 1500 + b"}"


def compact(header: bytes = HEADER, claims: bytes = b"{}", signature: bytes = b"signature") -> str:
    return ".".join(base64url.encode(part) for part in (header, claims, signature))


def test_a_token_is_read() -> None:
    token = compact(claims=b'{"jti":"a","exp":12.5}')
    found = read_compact(token)
    assert found is not None
    assert (found.alg, found.jti, found.moment("exp"), found.signature) == ("ES256", "a", 12.5, b"signature")
    assert found.signed == token.rpartition(".")[0].encode()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c.d",
        compact(b"[]"),
        compact(claims=b"null"),
        compact(b"{"),
        compact(b"\xff"),
        compact(b'{"crit":["exp"]}'),
        compact(DEEP),
        compact(claims=DEEP),
        f"{compact()}é",
        compact(signature=b"s" * MAX_LENGTH),
        compact().replace(".", "!.", 1),
    ],
)
def test_anything_else_is_none(token: str) -> None:
    assert read_compact(token) is None


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (b"0", 0.0),
        (b"-1", -1.0),
        (b"1.5", 1.5),
        (b"1e3", 1000.0),
        (b"1" + b"0" * 400, None),
        (b"-1" + b"0" * 400, None),
        (b"1e999", None),
        (b"true", None),
        (b"null", None),
        (b'"1"', None),
        (b"[1]", None),
    ],
)
def test_a_moment_is_a_finite_number(value: bytes, moment: float | None) -> None:
    found = read_compact(compact(claims=b'{"iat":' + value + b"}"))
    if found is None:  # no JSON number for the library: then it is no token
        assert value == b"1e999"
        return
    assert found.moment("iat") == moment
    assert found.moment("iat", 7) == moment
    assert (found.moment("nbf"), found.moment("nbf", 7)) == (None, 7.0)


@pytest.mark.parametrize("jti", ["", "x" * (MAX_JTI + 1), 5, None, ["a"]])
def test_an_id_is_a_text_of_some_length(jti: Any) -> None:
    found = read_compact(compact(claims=msgspec.json.encode({"jti": jti})))
    assert found is not None
    assert found.jti is None
