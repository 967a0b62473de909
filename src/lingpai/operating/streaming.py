"""Bodies of the admin API that are read or written piece by piece: large documents, and rows as lines of JSON."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from typing import Any, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import NO_STORE, Call, StreamedReply, Streams
from lingpai.edge.bodies import json_object, malformed
from lingpai.operating.port import Document
from lingpai.operating.problems import PROBLEMS

NDJSON: Final = "application/x-ndjson"
STALL: Final = 30.0
"""Seconds that may pass between two pieces of a body."""
MOST_ROWS: Final = Streams(4 * 1024**3, STALL)
"""Of a body of rows: they are taken as they come, so it may be large."""
MOST_KEYS: Final = 1000
LONGEST_LINE: Final = 64 * 1024
_encode = msgspec.json.Encoder().encode


async def whole(call: Call) -> Document:
    """Return the document that a streamed request has as its body; {} for an empty body.

    Raises:
        LingpaiError: MALFORMED_BODY, BODY_TOO_LARGE, REQUEST_TIMEOUT, REPEATED_PARAMETER.
    """
    body = b"".join([piece async for piece in _pieces(call)])
    # In a thread: other requests go on while a large one is read.
    return await asyncio.to_thread(json_object, body, MOST_KEYS) if body.strip() else {}


async def finished(work: Coroutine[Any, Any, Document]) -> Document:
    """Return what `work` returns. It goes on when the request is cancelled, as its peer has gone, and may ask again.

    The request ends with the work, so that the service waits for it when it ends.

    Raises:
        LingpaiError: whatever `work` raises.
    """
    task = asyncio.create_task(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((task,))
    return task.result()


async def rows(call: Call) -> AsyncIterator[Document]:
    """Yield the objects of a streamed request, one a line; empty lines do not count.

    Raises:
        LingpaiError: as of `whole`.
    """
    rest = b""
    async for piece in _pieces(call):
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise LingpaiError(Kind.BODY_TOO_LARGE, f"the body has a line of more than {LONGEST_LINE} bytes")
        for line in lines:
            if line.strip():
                yield json_object(line, MOST_KEYS)
    if rest.strip():
        yield json_object(rest, MOST_KEYS)


def _pieces(call: Call) -> AsyncIterator[bytes]:
    if call.streamed is None:
        raise malformed("the body is not valid JSON")
    return call.streamed.body


async def lines_reply(call: Call, documents: AsyncGenerator[Document, None]) -> StreamedReply:
    """Return an answer of one document a line, each sent as soon as it is made.

    Args:
        call: the request.
        documents: what is sent. An error after the first of them is the last line: an object with `error`, which is
            the problem document.

    Raises:
        LingpaiError: when there was no document before it.
    """
    first = await anext(documents, None)
    return StreamedReply(b"", 200, NDJSON, (NO_STORE,), chunks=_Lines(first, documents, call.trace_id))


class _Lines:
    """See `core.wire.ByteStream`."""

    def __init__(
        self, first: Document | None, documents: AsyncGenerator[Document, None], trace_id: str
    ) -> None:
        self._first = first
        self._documents = documents
        self._trace_id = trace_id

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the lines, once."""
        if self._first is None:
            return
        yield _encode(self._first) + b"\n"
        try:
            async for document in self._documents:
                yield _encode(document) + b"\n"
        except LingpaiError as error:
            yield b'{"error":' + PROBLEMS.error(error, self._trace_id).body + b"}\n"

    async def aclose(self) -> None:
        """Nobody reads the rest."""
        await self._documents.aclose()
