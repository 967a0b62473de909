"""Sends requests over raw sockets, many on each connection, and judges each answer by its status and its time."""

import asyncio
import collections
import random
from typing import NamedTuple

from tests.strength.requests import noise, request

BATCH = 32
HANG = 20.0
"""Seconds: above every timeout of the service for a client that does its part."""

BATCHES = 16
"""On one connection at most."""

NOISE = 24
"""Connections with bytes that are no requests, for each that carries requests."""

_UP = b"HTTP/1.1 "


class Seen(NamedTuple):
    """What came back.

    Attributes:
        statuses: how often each.
        offences: the first requests that were answered with 500 or more, or not at all.
        sent: how many requests were sent.
    """

    statuses: collections.Counter[int]
    offences: list[str]
    sent: collections.Counter[str]


async def load(host: str, port: int, seed: int, count: int, seen: Seen) -> None:
    """Send `count` random requests one connection after the other; `seen` is called with every answer."""
    draw = random.Random(seed)
    left = count
    while left > 0:
        left -= await _batches(host, port, draw, min(left, BATCH * BATCHES), seen)
        for _ in range(min(left, NOISE)):
            await _noise(host, port, noise(draw), seen)
            left -= 1


async def _batches(host: str, port: int, draw: random.Random, count: int, seen: Seen) -> int:
    reader, writer = await asyncio.open_connection(host, port)
    done = 0
    try:
        while done < count:
            batch = [request(draw) for _ in range(min(BATCH, count - done))]
            writer.write(b"".join(batch))
            for sent in batch:
                status, last = await _answer(reader, sent)
                done += 1
                _judge(status, sent, seen)
                if last:
                    return done
    finally:
        writer.close()
    return done


def _judge(status: int | None, sent: bytes, seen: Seen) -> None:
    seen.sent["requests"] += 1
    seen.statuses[status or 0] += 1
    if status is None or status >= 500:
        seen.offences.append(f"{status}: {sent!r}")


async def _answer(reader: asyncio.StreamReader, sent: bytes) -> tuple[int | None, bool]:
    """The status of the next answer, None when there is none in time; and whether it is the connection's last."""
    try:
        async with asyncio.timeout(HANG):
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[len(_UP) : len(_UP) + 3])
            if not sent.startswith(b"HEAD "):
                await reader.readexactly(_length(head, status))
            return status, b"connection: close" in head.lower()
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        return None, True


def _length(head: bytes, status: int) -> int:
    if status in (204, 304):
        return 0
    return int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


async def _noise(host: str, port: int, data: bytes, seen: Seen) -> None:
    """Whatever was sent, the line is cut in bounded time, and nothing on it is an error of the server's."""
    reader, writer = await asyncio.open_connection(host, port)
    seen.sent["noise"] += 1
    try:
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(HANG):
            answer = await reader.read()
    except TimeoutError:
        seen.offences.append(f"hangs: {data!r}")
        return
    except ConnectionError:
        return
    finally:
        writer.close()
    if answer.startswith(_UP + b"5"):
        seen.offences.append(f"{answer[:12]!r}: {data!r}")
