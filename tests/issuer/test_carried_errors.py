"""Errors that bring more than a reason say all that the error says which they are made from."""

import pickle
from collections.abc import Callable

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply
from lingpai.issuer.oauth_errors import ErrorWithHeaders
from lingpai.issuer.pages.shape import RenderedError

ERROR = LingpaiError(
    Kind.METHOD_NOT_ALLOWED, "no", detail="d", parameter="p", code=7, retry_after=1.5, allow=("GET",)
)


@pytest.mark.parametrize(
    "carry",
    [
        lambda error: ErrorWithHeaders(error, (("vary", "Origin"),)),
        lambda error: ErrorWithHeaders(error, (("www-authenticate", "Basic"),)),
        lambda error: RenderedError(error, Reply(b"a page", 405)),
        lambda error: pickle.loads(pickle.dumps(RenderedError(error, Reply(b"a page", 405)))),
    ],
)
def test_nothing_of_an_error_is_lost(carry: Callable[[LingpaiError], LingpaiError]) -> None:
    carried = carry(ERROR)
    assert str(carried) == str(ERROR)
    assert {name: getattr(carried, name) for name in LingpaiError.__slots__} == {
        name: getattr(ERROR, name) for name in LingpaiError.__slots__
    }
