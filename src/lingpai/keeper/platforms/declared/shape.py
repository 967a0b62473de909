"""Answers and errors in the form that a description says, for drop-in routes."""

from typing import Any, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply
from lingpai.keeper.http_status import HTTP_STATUS
from lingpai.keeper.platforms.forms import Envelope, placed

_encode = msgspec.json.Encoder().encode
_AT_FAULT: Final = 400
_WRONG_SECRET: Final = frozenset(
    {
        Kind.NOT_ALLOWED,
        Kind.MISSING_KEY,
        Kind.WRONG_KEY,
        Kind.WRONG_SECRET,
        Kind.AMBIGUOUS_ACCOUNT,
        Kind.UNKNOWN_ACCOUNT,
        Kind.NO_SECRET,
    }
)
_BUSY: Final = frozenset(
    {
        Kind.TOO_MANY_REQUESTS,
        Kind.BUDGET_SPENT,
        Kind.INTERNAL,
        Kind.STORE_UNAVAILABLE,
        Kind.UPSTREAM_UNAVAILABLE,
        Kind.REQUEST_TIMEOUT,
    }
)


class Numbers(msgspec.Struct, frozen=True):
    """The platform's own error numbers, by what they mean.

    Attributes:
        secret: for a wrong secret or key.
        token: for a token that is not accepted.
        caller: for what is wrong with the request.
        busy: for what passes.
    """

    secret: int
    token: int
    caller: int
    busy: int

    def of(self, kind: Kind) -> int:
        """Return the number for an error of this service."""
        if kind is Kind.UNKNOWN_TOKEN:
            return self.token
        if kind in _WRONG_SECRET:
            return self.secret
        return self.busy if kind in _BUSY else self.caller


class EnvelopeShape:
    """The form of a platform that a file describes.

    Args:
        envelope: where answers have result and data.
        numbers: for errors of this service.
    """

    def __init__(self, envelope: Envelope, numbers: Numbers) -> None:
        self._envelope = envelope
        self._numbers = numbers
        self._names = {number: name for name, number in envelope.names.items()}

    def success(self, value: Any, trace_id: str) -> Reply:
        """See `Shape.success`."""
        del trace_id  # in the header
        return Reply(_encode(value))

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        """See `Shape.error`."""
        envelope = self._envelope
        refused = error.kind is Kind.UPSTREAM_REFUSED
        number = error.code if refused and error.code is not None else self._numbers.of(error.kind)
        values: dict[str, Any] = {envelope.message: f"{error.reason} (trace id {trace_id})"}
        if envelope.code:
            values = {envelope.code: self._names.get(number, number), **values}
        status = HTTP_STATUS.get(error.kind, _AT_FAULT if envelope.any_status else 200)
        return Reply(_encode(placed(values)), status=status)


def head_of(envelope: Envelope) -> dict[str, Any]:
    """Return what a success has besides its data, by path."""
    if not envelope.code or (envelope.names and envelope.may_lack):
        return {}
    return {envelope.code: envelope.success, envelope.message: "ok"}
