"""The keeper's answers and errors on the wire, each a table over the closed set of errors."""

from collections.abc import Mapping
from typing import Any

import msgspec
from typing_extensions import override

from lingpai.core.errors import EDGE_KINDS, KEEPER_KINDS, Kind, LingpaiError
from lingpai.core.wire import NO_STORE, Reply, Shape
from lingpai.keeper.http_status import HTTP_STATUS

_encode = msgspec.json.Encoder().encode

# --- compatible ---------------------------------------------------------------------------------------------------

_COMPATIBLE_CODES: Mapping[Kind, int] = {
    **HTTP_STATUS,
    Kind.INVALID_PARAMETER: 2,
    Kind.REPEATED_PARAMETER: 2,
    Kind.MALFORMED_BODY: 2,
    Kind.NOT_ALLOWED: 403,
    Kind.MISSING_KEY: 403,
    Kind.WRONG_KEY: 403,
    Kind.WRONG_SECRET: 403,
    Kind.UNKNOWN_ACCOUNT: 403,
    Kind.FOREIGN_URL: 403,
    Kind.NO_SECRET: 1,
    Kind.AMBIGUOUS_ACCOUNT: 1,
    Kind.UNKNOWN_TOKEN: 1,
    Kind.UPSTREAM_UNAVAILABLE: 1,
    Kind.BUDGET_SPENT: 1,
}


class _Envelope(msgspec.Struct):
    code: int
    msg: str
    data: Any
    trace_id: str


class CompatibleShape(Shape):
    """The envelope of the compatible routes (docs/spec/keeper.md).

    Args:
        missing_code: `code` when a required parameter is missing; the routes differ in it.
        missing_text: the message then, with `{}` for the name.
    """

    codes = _COMPATIBLE_CODES
    own_words = True
    """But for those about a missing parameter."""

    def __init__(self, missing_code: int = 1, missing_text: str = "缺少{}参数") -> None:
        self._missing_code = missing_code
        self._missing_text = missing_text

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        return Reply(_encode(_Envelope(0, "success", value, trace_id)))

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        code, message = self._code_and_message(error)
        status = HTTP_STATUS.get(error.kind, 200)
        return Reply(_encode(_Envelope(code, message, {}, trace_id)), status=status)

    def _code_and_message(self, error: LingpaiError) -> tuple[int, str]:
        if error.kind is Kind.MISSING_PARAMETER:
            return self._missing_code, self._missing_text.format(error.parameter)
        if error.kind is Kind.UPSTREAM_REFUSED:
            return error.code if error.code is not None else 1, error.reason
        return self.codes[error.kind], error.reason


# --- generic ----------------------------------------------------------------------------------------------------

AT_FAULT = 400
_CHALLENGES: Mapping[Kind, str] = {
    Kind.MISSING_KEY: 'Bearer realm="lingpai"',
    Kind.WRONG_KEY: 'Bearer realm="lingpai", error="invalid_token"',
}
"""`WWW-Authenticate`, which each 401 has to have (RFC 9110 §15.5.2, RFC 6750 §3)."""

_GENERIC_STATUS: Mapping[Kind, int] = {
    kind: kind.status for kind in Kind if kind in EDGE_KINDS | KEEPER_KINDS
}
"""UPSTREAM_REFUSED is the platform's word on this app; on what the caller passed it is AT_FAULT."""


class _Problem(msgspec.Struct, omit_defaults=True):
    error: str
    message: str
    trace_id: str
    code: int | None = None
    parameter: str | None = None
    retry_after: int | None = None


class GenericShape(Shape):
    """Plain objects, plain HTTP statuses, and errors that say their kind, for callers written anew."""

    codes = _GENERIC_STATUS
    own_words = True

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id  # in the header
        return Reply(_encode(value))

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        message = error.reason
        if message == f"parameter {error.parameter} is missing":  # as the edge says, in English
            message = f"The parameter {error.parameter} is missing."
        problem = _Problem(
            error.kind.value,
            message,
            trace_id,
            error.code,
            error.parameter or None,
            int(error.retry_after) if error.retry_after is not None else None,
        )
        callers_own = error.kind is Kind.UPSTREAM_REFUSED and error.parameter
        status = AT_FAULT if callers_own else self.codes[error.kind]
        challenge = _CHALLENGES.get(error.kind)
        headers = (NO_STORE,) if challenge is None else (NO_STORE, ("www-authenticate", challenge))
        return Reply(_encode(problem), status=status, headers=headers)


COMPATIBLE = CompatibleShape()
COMPATIBLE_JSON = CompatibleShape(missing_code=2)
COMPATIBLE_SESSION = CompatibleShape(missing_text="{}参数值不能为空")
GENERIC = GenericShape()
