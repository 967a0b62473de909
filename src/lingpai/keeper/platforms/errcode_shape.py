"""Answers and errors in the form of WeChat and WeCom: bare objects, and `errcode` with `errmsg`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply
from lingpai.keeper.http_status import HTTP_STATUS

_encode = msgspec.json.Encoder().encode

NEEDS_POST = 43002
UNKNOWN_PARAMETER = 40035
_RID = "rid: "

ERRCODES: Mapping[Kind, int] = {
    Kind.INVALID_PARAMETER: 40097,
    Kind.REPEATED_PARAMETER: 40097,
    Kind.MALFORMED_BODY: 47001,
    Kind.NOT_FOUND: 40066,
    Kind.METHOD_NOT_ALLOWED: 43001,
    Kind.REQUEST_TIMEOUT: -1,
    Kind.BODY_TOO_LARGE: 45002,
    Kind.UNSUPPORTED_MEDIA_TYPE: 47001,
    Kind.TOO_MANY_REQUESTS: 45011,
    Kind.INTERNAL: -1,
    Kind.STORE_UNAVAILABLE: -1,
    Kind.UPSTREAM_UNAVAILABLE: -1,
    Kind.BUDGET_SPENT: 45009,
    Kind.UNKNOWN_ACCOUNT: 40013,
    Kind.FOREIGN_URL: 40097,
    Kind.NO_SECRET: 41004,
}
"""Numbers that WeChat and WeCom have in common; each adds those in which they differ."""


class _Error(msgspec.Struct):
    errcode: int
    errmsg: str


class ErrcodeShape:
    """The form that the SDKs of WeChat and WeCom understand.

    Args:
        codes: error numbers by kind.
        missing: error numbers by missing parameter.
    """

    def __init__(self, codes: Mapping[Kind, int], missing: Mapping[str, int]) -> None:
        self.codes = codes
        self._missing = missing

    def success(self, value: Any, trace_id: str) -> Reply:
        """Return the value as a bare object."""
        del trace_id  # these platforms have no place for it in the body; the header carries it
        return Reply(_encode(value))

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        """Return the error's number and text; a text of ours ends with the trace id in the place of the platform's."""
        if error.kind is Kind.MISSING_PARAMETER:
            code = self._missing.get(error.parameter, UNKNOWN_PARAMETER)
            message = f"{error.parameter} missing"
        elif error.kind is Kind.UPSTREAM_REFUSED:
            code, message = error.code if error.code is not None else -1, error.reason
        elif error.kind is Kind.METHOD_NOT_ALLOWED and "GET" not in error.allow:
            code, message = NEEDS_POST, error.reason
        else:
            code, message = self.codes[error.kind], error.reason
        # A trace id of the platform's own stays: its support asks for it.
        text = message if _RID in message else f"{message} {_RID}{trace_id}"
        return Reply(_encode(_Error(code, text)), status=HTTP_STATUS.get(error.kind, 200))
