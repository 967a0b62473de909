"""An answer on its way: its head, then its body, piece by piece."""

import asyncio
import zlib
from collections.abc import Iterable
from typing import Any, Final, Protocol

UNREAD_BYTES: Final = 256 * 1024
"""Unread bytes of a body at which receiving pauses."""
_INFLATED_BYTES: Final = 64 * 1024
"""Bytes of a compressed body that are made at a time."""
_GZIP_OR_ZLIB: Final = 47
"""Window bits of zlib for which it reads from the first bytes whether they are gzip (RFC 1952) or zlib (RFC 1950)."""

BEFORE_ANSWER: Final = "the connection was lost before an answer came"
MID_ANSWER: Final = "the connection was lost in the middle of the answer"
NOT_HTTP: Final = "the answer is not HTTP"
UNKNOWN_CODING: Final = "the answer is compressed in a way that was not asked for"


READABLE: Final = frozenset({"gzip", "x-gzip", "deflate"})
"""Codings that are undone, although none is asked for."""


def codings_of(lines: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return how a body is compressed (RFC 9110 §8.4), in lower case; [] when it is not."""
    given = b""
    for name, value in lines:  # no comprehension, which is a call for each answer
        if name == b"content-encoding":
            given += b"," + value
    if not given:
        return []
    codings = [each.strip().lower() for each in given.decode("latin-1").split(",")]
    return [each for each in codings if each not in {"", "identity"}]


class LostError(ConnectionError):
    """The call was sent, at least in part, and no whole answer came; its text says why."""


class Link(Protocol):
    """The connection that an answer comes by."""

    def receive_on(self) -> None:
        """Receive again after a pause."""
        ...

    def pause(self) -> None:
        """Receive nothing more for now."""
        ...

    def abort(self) -> None:
        """Cut the connection."""
        ...


class HttpResponse:
    """One answer.

    Args:
        link: the connection that it comes by.
        end: when it must be complete, by the loop's clock.

    Attributes:
        status: its status, once the head is there.
        lines: its headers, names in lower case, in their order.
        complete: True when all of its body has come.
        moved: when a piece of the request was last sent, by the loop's clock; that puts off the end of a wait.
    """

    def __init__(self, link: Link, loop: asyncio.AbstractEventLoop, end: float) -> None:
        self.status = 0
        self.lines: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.moved = 0.0
        self._link = link
        self._loop = loop
        self._end = end
        self._headed = False
        self._pieces: list[bytes] = []
        self._unread = 0
        self._paused = False
        self._inflater: Any = None
        self._unreadable = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle

    def header(self, name: bytes) -> str | None:
        """Return the value of a header, the first of several, or None."""
        for each, value in self.lines:
            if each == name:
                return value.decode("latin-1").strip()
        return None

    @property
    def length(self) -> int | None:
        """Bytes of the body as it is read, or None when that is not known yet."""
        if self._inflater is not None:
            return None
        given = self.header(b"content-length")
        return int(given) if given is not None and given.isascii() and given.isdigit() else None

    async def head(self, stall: float) -> None:
        """Wait for the head.

        Args:
            stall: seconds in which it must come, from the last piece of the request that was sent.

        Raises:
            LostError: it will not come; or it has, which `headed` says, and the body cannot be decompressed.
            TimeoutError: it did not come in time.
        """
        while not self._headed:
            if self._error is not None:
                raise self._error
            await self._wait(stall)
        if self._unreadable:
            raise LostError(UNKNOWN_CODING)

    async def read(self, stall: float) -> bytes:
        """Return what has come of the body, or wait for some; b"" after its end.

        Args:
            stall: seconds in which some must come.

        Raises:
            LostError: the rest will not come, or cannot be decompressed.
            TimeoutError: nothing came in time.
        """
        if self._unreadable:
            raise LostError(UNKNOWN_CODING)
        while True:
            if self._pieces:
                data = self._take()
                if data:
                    return data
                continue
            if self._error is not None:
                raise self._error
            if self.complete:
                return b""
            await self._wait(stall)

    def close(self) -> None:
        """Want no more of it; a connection that is still busy with it is cut."""
        self._pieces.clear()
        if not self.complete:
            self._link.abort()

    def begin(self, status: int, lines: list[tuple[bytes, bytes]], *, bodiless: bool = False) -> None:
        """The head has come; `bodiless` says that nothing comes after it."""
        self.status, self.lines, self._headed = status, lines, True
        codings = codings_of(lines)
        if codings:
            if bodiless or (len(codings) == 1 and codings[0] in READABLE):
                self._inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
            else:
                self._unreadable = True
                self._link.abort()
        self._wake()

    def feed(self, data: bytes) -> None:
        """Some of the body has come."""
        self._pieces.append(data)
        self._unread += len(data)
        if self._unread > UNREAD_BYTES and not self._paused:
            self._paused = True
            self._link.pause()
        self._wake()

    def finish(self) -> None:
        """All of it has come."""
        self.complete = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """The rest will not come."""
        if not self.complete:
            self._error = self._error or error
            self._wake()

    @property
    def headed(self) -> bool:
        """True when the head has come."""
        return self._headed

    def _take(self) -> bytes:
        """Return unread bytes, decompressed; of a compressed body no more than a piece at a time."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        if self._inflater is not None:
            try:
                made: bytes = self._inflater.decompress(data, _INFLATED_BYTES)
            except zlib.error as error:
                raise LostError(UNKNOWN_CODING) from error
            if self._inflater.unconsumed_tail:
                self._pieces.append(self._inflater.unconsumed_tail)
                return made
            data = made
        self._unread = 0
        if self._paused:
            self._paused = False
            self._link.receive_on()
        return data

    async def _wait(self, stall: float) -> None:
        """Wait until something happens.

        Raises:
            TimeoutError: nothing did, for so many seconds, or the end has come.
        """
        loop = self._loop
        waiter = self._waiter = loop.create_future()
        self._timer = loop.call_at(min(loop.time() + stall, self._end), self._expire, waiter, stall)
        try:
            await waiter
        finally:
            self._timer.cancel()
            self._waiter = None

    def _expire(self, waiter: asyncio.Future[None], stall: float) -> None:
        until = min(self.moved + stall, self._end)
        if until > self._loop.time():
            self._timer = self._loop.call_at(until, self._expire, waiter, stall)
        elif not waiter.done():
            waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
