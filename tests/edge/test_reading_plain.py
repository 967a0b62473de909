"""A plain form is read in one function, and means what it means by the general way."""

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Source
from lingpai.edge.options import EdgeOptions
from lingpai.edge.reading import Reader

FORM = {b"content-type": b"application/x-www-form-urlencoded", b"content-length": b"1"}
OPTIONS = EdgeOptions(parameter_limit=4, value_limit=12)


class Params(msgspec.Struct):
    a: str
    b: Annotated[str, msgspec.Meta(max_length=5)] = ""
    c: int = 0


def outcome(read: Any, body: bytes) -> Any:
    try:
        return read(body)
    except LingpaiError as error:
        return error.kind, error.reason, error.parameter


@pytest.mark.parametrize(
    "sources", [Source.FORM, Source.URLENCODED, Source.FORM | Source.JSON, Source.FORM | Source.UNLABELLED]
)
@given(st.text("abc=&%2+0[]{ \0\t1é;", max_size=24).map(str.encode))
@example(b"a=1&b=2&c=3")
@example(b"a=1&a=1")
@example(b"a=&b=2")
@example(b"a=%20x+y")
@example(b"a=1&b=123456")
@example(b"a=1&c=x")
@example(b"a=1&x=1&y=1&z=1&z=2")
@example(b"a[]=1")
@example(b'{"a": "1"}')
@example("\ufeffa=1".encode())
@example(b"a=1\xff")
@example(b"")
def test_the_short_way_and_the_general_one_agree(sources: Source, body: bytes) -> None:
    reader = Reader(Params, sources, OPTIONS)
    short = reader.reader_after(b"", {}, FORM)
    assert short == reader._read_form
    assert outcome(short, body) == outcome(lambda body: reader._from_labelled_form({}, body, ""), body)
