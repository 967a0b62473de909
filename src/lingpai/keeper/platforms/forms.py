"""The forms in which platforms differ: bodies, envelopes of answers, signed texts of pages, published values."""

import dataclasses
import enum
from collections.abc import Callable
from typing import NamedTuple


class Body(enum.Enum):
    """The format in which the platform takes the body of a POST."""

    JSON = "json"
    FORM = "form"


@dataclasses.dataclass(frozen=True, slots=True)
class Envelope:
    """Where a platform's answers have result and data of a call.

    Attributes:
        code: field of the number, sent as a number or as its digits.
        message: field of the text.
        success: the number of a success.
        may_lack: whether a success may come without the number.
        data: field with the data of a success, or "" when those are beside the number.
    """

    code: str = "errcode"
    message: str = "errmsg"
    success: int = 0
    may_lack: bool = True
    data: str = ""


def without_fragment(url: str) -> str:
    """Return a page's address as browsers send it."""
    return url.partition("#")[0]


@dataclasses.dataclass(frozen=True, slots=True)
class SignRecipe:
    """The text of a page's signature, by SHA-1.

    `text` has places for ticket, nonce, timestamp and url; `page` makes that url of the page's address.
    """

    text: str = "jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}"
    page: Callable[[str], str] = without_fragment


class Published(NamedTuple):
    """The form in which a stored value is published to Redis.

    `key` has a place for the account; the value is stored under the name `field`.
    """

    key: str
    field: str


ERRCODE = Envelope()
JSAPI = SignRecipe()
