"""Base64url without padding: one spelling of each value, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingpai.core import base64url


@given(st.binary(max_size=80))
def test_what_was_written_is_read(raw: bytes) -> None:
    text = base64url.encode(raw)
    assert "=" not in text
    assert base64url.decode(text) == raw


@pytest.mark.parametrize("text", ["QR", "QQ==", "Q Q", "QQ\n", "+w", "_x", "A", "é", "\ud800", "Q.Q"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base64url.decode(text)
