"""The body of a forwarded call: kept whole while it is small, so that it can be sent again, else sent as it comes."""

from collections.abc import AsyncIterator
from typing import Final

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import StreamedRequest

KEPT: Final = 1024 * 1024
"""Bytes of a body up to which it is kept: most are smaller, and uploads of media are not sent twice."""


class Outgoing:
    """The body that goes to the platform.

    Args:
        request: whose body it is.

    Attributes:
        whole: all of it, when it is small.
        fault: why the caller did not send the rest.
    """

    def __init__(self, request: StreamedRequest) -> None:
        self.whole: bytes | None = None
        self.fault: LingpaiError | None = None
        self._request = request
        self._parts: list[bytes] = []

    async def collect(self) -> None:
        """Receive the body, but no more of it than is kept.

        A small one is complete before the platform is called: a caller that sends slowly takes up none of its calls.

        Raises:
            LingpaiError: BODY_TOO_LARGE, REQUEST_TIMEOUT or MALFORMED_BODY.
        """
        length, size = self._request.length, 0
        if length is not None and length > KEPT:
            return
        async for part in self._request.body:
            self._parts.append(part)
            size += len(part)
            if size > KEPT:
                return
        self.whole = b"".join(self._parts)
        self._parts.clear()

    @property
    def length(self) -> int | None:
        """Bytes of the body, or None."""
        return self._request.length if self.whole is None else len(self.whole)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Return the pieces of a body that is not kept."""
        try:
            parts, self._parts = self._parts, []
            for part in parts:
                yield part
            async for part in self._request.body:
                yield part
        except LingpaiError as fault:
            self.fault = fault
            raise
