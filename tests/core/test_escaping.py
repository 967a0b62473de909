import pytest

from lingpai.core.escaping import shown


@pytest.mark.parametrize("text", ["", "ann", "小明 的店", "é́", "a\u3000b", "👩 x", r"\x1b"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\nb\r\t\0", r"a\nb\r\t\x00"),
        ("\x7f\x85\x9b", r"\x7f\x85\x9b"),
        ("\u202eevil", r"\u202eevil"),
        ("an\u200bn\ufeff", r"an\u200bn\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_cannot_be_seen_or_moves_others_is_escaped(text: str, escaped: str) -> None:
    assert shown(text) == escaped
