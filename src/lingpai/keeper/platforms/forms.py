"""How platforms differ in form: bodies, envelopes of answers, what is signed of a page, what is published."""

import dataclasses
import enum
from collections.abc import Callable
from typing import NamedTuple


class Body(enum.Enum):
    """How the platform wants what is posted."""

    JSON = "json"
    FORM = "form"


@dataclasses.dataclass(frozen=True, slots=True)
class Envelope:
    """Where a platform's answers say what came of a call.

    Attributes:
        code: field of the number, sent as a number or as its digits.
        message: field of the text.
        success: the number of a success.
        may_lack: whether a success may come without the number.
        data: field that holds what a success brought, or "" when that lies beside the number.
    """

    code: str = "errcode"
    message: str = "errmsg"
    success: int = 0
    may_lack: bool = True
    data: str = ""


def without_fragment(url: str) -> str:
    """A page's address as browsers send it."""
    return url.partition("#")[0]


@dataclasses.dataclass(frozen=True, slots=True)
class SignRecipe:
    """What is signed of a page, by SHA-1.

    `text` has places for ticket, nonce, timestamp and url; `page` makes that url of the page's address.
    """

    text: str = "jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}"
    page: Callable[[str], str] = without_fragment


class Published(NamedTuple):
    """How a held value is published to Redis.

    `key` has a place for the account; the value is stored under the name `field`.
    """

    key: str
    field: str


ERRCODE = Envelope()
JSAPI = SignRecipe()
