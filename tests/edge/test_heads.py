"""What the head of a request says of credentials."""

import pytest

from lingpai.edge.heads import Head

NAME = b"authorization"


@pytest.mark.parametrize("empty", [b"", b" ", b"\t"])
def test_an_empty_authorization_header_brings_no_credentials(empty: bytes) -> None:
    for lines in ([(NAME, empty)], [(NAME, empty), (NAME, empty)]):
        head = Head(b"", lines)
        assert [head.bearer, head.authorized_twice, NAME in head.headers] == [None, False, False]
    for lines in ([(NAME, empty), (NAME, b"Bearer x")], [(NAME, b"Bearer x"), (NAME, empty)]):
        head = Head(b"", lines)
        assert [head.bearer, head.authorized_twice, head.headers[NAME]] == ["x", False, b"Bearer x"]


def test_two_credentials_are_two() -> None:
    head = Head(b"", [(NAME, b"Bearer x"), (NAME, b"Bearer x")])
    assert head.authorized_twice


def test_several_lines_of_a_list_are_one() -> None:
    names = (b"cookie", b"x-other", b"accept-language")
    head = Head(b"", [(name, value) for value in (b"a=1", b"b=2", b"c=3") for name in names])
    assert head.headers == {
        b"cookie": b"a=1; b=2; c=3",
        b"accept-language": b"a=1, b=2, c=3",
        b"x-other": b"c=3",
    }
    assert Head(b"", [(b"accept", b"text/html"), (b"accept", b"image/png")]).accepts_html
