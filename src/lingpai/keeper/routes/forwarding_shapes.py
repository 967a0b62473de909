"""Errors of forwarded calls in the platform's form, as callers expect the platform's answers there."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply, Shape
from lingpai.keeper.platforms.forwarding import Forwarding
from lingpai.keeper.routes.shapes import GENERIC

_STATUS: Final[Mapping[Kind, int]] = {
    Kind.NOT_ALLOWED: 403,
    Kind.INVALID_PARAMETER: 400,
    Kind.REPEATED_PARAMETER: 400,
    Kind.MALFORMED_BODY: 400,
}
"""Statuses of refusals that no platform makes; for all others the platform's form has its own."""


class ForwardingShape(Shape):
    """The platform's form.

    Args:
        shape: of the platform's drop-in routes.
        forwarding: which has the error numbers of refusals.
    """

    def __init__(self, shape: Shape, forwarding: Forwarding) -> None:
        self._shape = shape
        self._codes = {Kind.NOT_ALLOWED: forwarding.refused, Kind.TOO_MANY_REQUESTS: forwarding.often}

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        return self._shape.success(value, trace_id)

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        code = self._codes.get(error.kind)
        said = error
        if code is not None:
            said = LingpaiError(Kind.UPSTREAM_REFUSED, error.reason, code=error.code or code)
        reply = self._shape.error(said, trace_id)
        status = _STATUS.get(error.kind)
        return reply if status is None else msgspec.structs.replace(reply, status=status)


class BothShape(ForwardingShape, Shape):
    """The form and the statuses of `/v1`, with the platform's error fields besides."""

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        own = GENERIC.error(error, trace_id)
        theirs = super().error(error, trace_id)
        both = msgspec.json.decode(theirs.body) | msgspec.json.decode(own.body)
        return msgspec.structs.replace(own, body=msgspec.json.encode(both))
