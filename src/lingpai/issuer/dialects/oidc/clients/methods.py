"""The common part of all methods of client authentication."""

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call
from lingpai.issuer.verbs.requests import Once


class Presented(Protocol):
    """The parameters by which a client names itself in a body."""

    client_id: str | None
    client_secret: str | None
    client_assertion: str | None
    client_assertion_type: str | None


class Caller(NamedTuple):
    """A client that authenticated, and what of its request counts once."""

    app: App
    once: tuple[Once, ...] = ()


class Method(Protocol):
    """One method of client authentication."""

    def came(self, params: Presented, call: Call) -> bool:
        """Return whether the request has credentials of this method."""
        ...

    def prove(self, params: Presented, call: Call, endpoint: str) -> Awaitable[Caller]:
        """Return the client that the credentials are of.

        Args:
            params: as given.
            call: its headers.
            endpoint: address of the endpoint that was called.

        Raises:
            LingpaiError: INVALID_CLIENT, ADDRESS_NOT_ALLOWED, TOO_MANY_REQUESTS.
        """
        ...


def failed(reason: str) -> LingpaiError:
    """Return the refusal of credentials; it does not say which part was wrong."""
    return LingpaiError(Kind.INVALID_CLIENT, reason)
