"""The forms in which platforms differ: bodies, envelopes of answers, signed texts of pages, published values."""

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Body(enum.Enum):
    """The format in which the platform takes the body of a POST."""

    JSON = "json"
    FORM = "form"


@dataclasses.dataclass(frozen=True, slots=True)
class Envelope:
    """Where a platform's answers have result and data of a call.

    Attributes:
        code: path of the number, sent as a number or as its digits; or of a name that `names` has.
        message: path of the text.
        success: the number of a success.
        may_lack: whether a success may come without the number.
        data: path of the data of a success, or "" when those are beside the number.
        names: numbers by which this service knows the names that the platform sends instead.
        any_status: whether errors come with HTTP statuses of their own, as those of OAuth 2.0 do (RFC 6749 §5.2).
        also: where other answers have these, which are known by its code.
    """

    code: str = "errcode"
    message: str = "errmsg"
    success: int = 0
    may_lack: bool = True
    data: str = ""
    names: Mapping[str, int] = dataclasses.field(default_factory=dict)
    any_status: bool = False
    also: "Envelope | None" = None

    def of(self, answer: Any) -> "Envelope":
        """Return the envelope of an answer: this one, or the other one."""
        other = self.also
        return self if other is None or member(answer, other.code) is None else other

    def code_in(self, answer: Any) -> Any:
        """Return the code in an answer of this envelope, as it was sent; the number of a name; None for none."""
        code = member(answer, self.code) if self.code else None
        return self.names.get(code, UNNAMED) if self.names and isinstance(code, str) else code


UNNAMED = -1
"""The number of an error whose name a platform's description does not have."""


def member(document: Any, path: str) -> Any:
    """Return the member of a JSON object at a path such as `data.expires_in`; None when there is none."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def text_member(document: Any, path: str) -> str:
    """Return the text of a JSON object at a path; "" when there is none."""
    found = member(document, path)
    return found if isinstance(found, str) else ""


def placed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object with values at paths such as `data.ticket`."""
    found: dict[str, Any] = {}
    for path, value in values.items():
        *tables, last = path.split(".")
        here = found
        for name in tables:
            here = here.setdefault(name, {})
        here[last] = value
    return found


def without_fragment(url: str) -> str:
    """Return a page's address as browsers send it."""
    return url.partition("#")[0]


def without_query(url: str) -> str:
    """Return a page's address without query and fragment, and then without one "/" at its end."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}".removesuffix("/")


@dataclasses.dataclass(frozen=True, slots=True)
class SignRecipe:
    """The signature of a page.

    Attributes:
        text: what is hashed, with places for ticket, nonce, timestamp and url.
        page: makes that url of the page's address.
        digest: name of the hash function.
        milliseconds: whether the timestamp is in milliseconds, else in seconds.
    """

    text: str = "jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}"
    page: Callable[[str], str] = without_fragment
    digest: str = "sha1"
    milliseconds: bool = False


class Published(NamedTuple):
    """The form in which a stored value is published to Redis.

    `key` has a place for the account; the value is stored under the name `field`.
    """

    key: str
    field: str


ERRCODE = Envelope()
JSAPI = SignRecipe()
