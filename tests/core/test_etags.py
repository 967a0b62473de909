"""Which entity tags an If-None-Match names (RFC 9110 §13.1.2)."""

import pytest

from lingpai.core.etags import is_named


@pytest.mark.parametrize(
    "value",
    [
        *(
            '"7-3"',
            'W/"7-3"',
            '"7-3-gzip"',
            'W/"7-3-gzip"',
            '"7-3--gzip"',
            '"7-3-br"',
            "*",
            " * ",
            "7-3",
            "7-3-gzip",
        ),
        *('"1-1", "7-3"', '"1-1",W/"7-3-gzip" , "9-9"', '"a,b", "7-3"', '"1-1", *', "W/7-3"),
    ],
)
def test_named(value: str) -> None:
    assert is_named('"7-3"', value)


@pytest.mark.parametrize(
    "value", [None, "", '"7-4"', '"7-3x"', '"7-3-gzipped"', '"17-3"', '"*"', '"7-3-gzip-gzip"']
)
def test_not_named(value: str | None) -> None:
    assert not is_named('"7-3"', value)
