import pytest

from lingpai.core.text import TextError, read_text, trimmed


@pytest.mark.parametrize("text", ["", "a", "键=值\n"])
def test_a_byte_order_mark_is_no_part_of_the_text(text: str) -> None:
    assert read_text(text.encode("utf-8-sig"), "f") == read_text(text.encode(), "f") == text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(encoding: str) -> None:
    text = "port = 8000\n"
    content = text.encode(encoding) if encoding == "utf-16" else ("\ufeff" + text).encode(encoding)
    for each in (content, text.encode("utf-16-le")):
        with pytest.raises(TextError, match=r"^f: this is UTF-16 text.* UTF-8\.$"):
            read_text(each, "f")


def test_gbk_is_named_with_its_line_and_what_converts_it() -> None:
    with pytest.raises(TextError, match=r"line 2.*GBK.*iconv"):
        read_text("name = 1\nname = 令牌\n".encode("gbk"), "f")
    with pytest.raises(TextError, match=r"not UTF-8 text \(line 1\); save"):
        read_text(b"\xff", "f")


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        *[("secret\n", "secret"), ("secret\r\n", "secret"), (" secret\t", "secret"), ('"secret"', "secret")],
        *[("'secret'\n", "secret"), ("\ufeffsecret", "secret"), ('"se"cret"', '"se"cret"'), ('"', '"'), ('""', '""')],
        *[("'secret\"", "'secret\""), ("se'cret", "se'cret"), ("", "")],
    ],
)  # fmt: skip
def test_what_shells_and_editors_add_is_taken_off(given: str, bare: str) -> None:
    assert trimmed(given) == bare
