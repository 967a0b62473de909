"""Answers of the admin API: plain JSON, and errors as problem details (RFC 9457)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import FlawsError
from lingpai.core.wire import NO_STORE, Reply, Shape
from lingpai.operating.port import Document

PROBLEM: Final = "application/problem+json"
_encode = msgspec.json.Encoder().encode

CODES: Final[Mapping[Kind, int]] = {kind: kind.status for kind in Kind}
"""The status of each kind of error; `code` in an answer is the kind's name."""
_CHALLENGES: Final[Mapping[Kind, str]] = {
    Kind.MISSING_KEY: 'Bearer realm="lingpai admin"',
    Kind.WRONG_KEY: 'Bearer realm="lingpai admin", error="invalid_token"',
}


class StaleError(LingpaiError):
    """A condition failed: somebody changed the thing since it was read.

    Attributes:
        etag: its entity tag now.
        changed: the names of the fields that differ from what was sent.
    """

    def __init__(self, etag: str, changed: tuple[str, ...]) -> None:
        reason = "It was changed since it was read; read it again."
        super().__init__(Kind.PRECONDITION_FAILED, reason)
        self.etag = etag
        self.changed = changed

    def reworded(self, reason: str) -> "StaleError":
        """Return the same error with another reason."""
        other = StaleError(self.etag, self.changed)
        other.reason = reason
        return other


class UnfinishedError(LingpaiError):
    """An operation of many steps stopped in the middle.

    Attributes:
        made: what was done before, with the secrets that were made: they are shown this once.
    """

    def __init__(self, kind: Kind, reason: str, made: Document) -> None:
        super().__init__(kind, reason)
        self.made = made

    def reworded(self, reason: str) -> "UnfinishedError":
        """Return the same error with another reason."""
        return UnfinishedError(self.kind, reason, self.made)


class ProblemShape(Shape):
    """The wire format of the admin API."""

    codes = CODES
    own_words = True

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id  # in the header
        return Reply(_encode(value))

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        status = CODES[error.kind]
        document: dict[str, Any] = {
            "type": f"urn:lingpai:error:{error.kind.value}",
            "title": error.reason,
            "status": status,
            "code": error.kind.value,
            "trace_id": trace_id,
        }
        headers = [NO_STORE]
        if error.code is not None:
            document["upstream_code"] = error.code
        if isinstance(error, FlawsError):
            document["errors"] = [
                {"pointer": f"/{flaw.field}", "code": error.kind.value, "detail": flaw.text}
                for flaw in error.flaws
            ]
        elif error.parameter:
            document["errors"] = [
                {"pointer": f"/{error.parameter}", "code": error.kind.value, "detail": error.reason}
            ]
        if isinstance(error, StaleError):
            document["etag"], document["changed"] = error.etag, error.changed
            headers.append(("etag", error.etag))
        if isinstance(error, UnfinishedError):
            document["made"] = error.made
        challenge = _CHALLENGES.get(error.kind)
        if challenge is not None:
            headers.append(("www-authenticate", challenge))
        return Reply(_encode(document), status, PROBLEM, tuple(headers))


PROBLEMS: Final = ProblemShape()
