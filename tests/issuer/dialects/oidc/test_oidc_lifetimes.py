"""How long a client's document is used, by what its server says."""

import pytest

from lingpai.issuer.dialects.oidc.client_documents.lifetimes import LEAST, MOST, seconds_fresh

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, LEAST),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": 'public, Max-Age="600"'}, 600),
        ({"cache-control": "max-age=600, s-maxage=900"}, 900),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "x"}, 600),
        ({"cache-control": "max-age=1"}, LEAST),
        ({"cache-control": "max-age=" + "9" * 40}, MOST),
        ({"cache-control": "no-store, max-age=600"}, LEAST),
        ({"cache-control": "no-cache, max-age=600"}, LEAST),
        ({"cache-control": "max-age"}, LEAST),
        (
            {"expires": "Fri, 15 Jan 2027 09:00:00 GMT", "date": "Fri, 15 Jan 2027 08:00:00 GMT"},
            3600,
        ),
        ({"expires": "0"}, LEAST),
        ({"expires": "Fri, 15 Jan 2100 09:00:00 GMT"}, MOST),
    ],
)
def test_a_lifetime(headers: dict[str, str], seconds: int) -> None:
    assert seconds_fresh(headers, NOW) == seconds
