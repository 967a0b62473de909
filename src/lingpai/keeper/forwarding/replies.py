"""The platform's answer to a forwarded call, piece by piece, and what is to be done when it is over."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.forwarding.hiding import hidden
from lingpai.keeper.platforms.forms import Envelope
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.unreached import FAILURES
from lingpai.keeper.upstream import Response, number_of

LOOKED_AT: Final = 64 * 1024
"""Bytes of an answer up to which it is looked at for the number of a dead token, as documents are."""
_DOCUMENTS: Final = frozenset(
    {
        *("application/json", "text/json", "application/x-json", "application/xml", "text/xml"),
        *("text/plain", "text/html"),  # WeChat labels some of its JSON as text
    }
)
_FAMILIES: Final = ("+json", "+xml")
"""Ends of types that are such documents too (RFC 6839)."""


class Answering:
    """An answer on its way, with those of its pieces that were read already.

    Args:
        response: the platform's.
        stall: seconds that may pass between two pieces.
    """

    def __init__(self, response: Response, stall: float) -> None:
        self.response = response
        self.first: list[bytes] = []
        self.whole = False
        self.on_end: Callable[[str], None] = lambda _outcome: None
        self._stall = stall
        self._done = False
        self._broken = "cancelled"
        self._running: AsyncGenerator[bytes, None] | None = None

    @property
    def length(self) -> int | None:
        """Bytes of the body as it is passed on, or None."""
        if self.whole:
            return sum(map(len, self.first))
        return self.response.length

    async def look(self, platform: Platform) -> int | None:
        """Return the error number in a small document, after reading all of it; None when it is something else."""
        length = self.response.length
        kind = (self.response.header(b"content-type") or "").partition(";")[0].strip().lower()
        is_document = kind in _DOCUMENTS or kind.endswith(_FAMILIES)
        if not is_document or (length is not None and length > LOOKED_AT):
            return None
        size = 0
        while size <= LOOKED_AT:
            piece = await self._next()
            if not piece:
                self.whole = True
                return _number_in(b"".join(self.first), platform.envelope)
            self.first.append(piece)
            size += len(piece)
        return None

    def hide(self, real: str, shown: str) -> None:
        """Replace the platform's token in an answer that was read whole."""
        if self.whole:
            self.first = [hidden(b"".join(self.first), real, shown)]

    def discard(self) -> None:
        """Let go of an answer that nobody needs."""
        self._done = True
        self.response.close()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the pieces, once."""
        self._running = self._pieces()
        return self._running

    async def aclose(self) -> None:
        """The last piece was sent, or nobody takes more."""
        if self._running is not None:
            await self._running.aclose()
        self.finish()

    def finish(self) -> None:
        """Count the call, and let go of the answer."""
        if not self._done:
            self._done = True
            self.whole = self.whole or self.response.complete
            self.response.close()
            self.on_end("ok" if self.whole else self._broken)

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        for piece in self.first:
            yield piece
        self.first = []
        while not self.whole:
            try:
                piece = await self._next()
            except FAILURES as error:
                self._broken = "broken"
                raise LingpaiError(Kind.UPSTREAM_UNAVAILABLE, "the answer broke off") from error
            if piece:
                yield piece
            else:
                self.whole = True

    async def _next(self) -> bytes:
        return await self.response.read(self._stall)


def _number_in(content: bytes, envelope: Envelope) -> int | None:
    answer: Any = None
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = msgspec.json.decode(content)
    code = number_of(envelope.of(answer).code_in(answer))
    return code if isinstance(code, int) and not isinstance(code, bool) else None
