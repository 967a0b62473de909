"""Ask for many things once before the load begins, so that what is measured is what is held."""

import asyncio
from collections.abc import Iterable

import aiohttp

from bench.contender import Case
from bench.processes import ContenderError

_AT_ONCE = 32
_LIMIT_S = 30.0


def prime(port: int, paths: Iterable[str], case: Case) -> None:
    """GET each of ``paths`` from 127.0.0.1 once.

    Raises:
        ContenderError: one of them was not answered as ``case`` wants, or the connection broke.
    """
    try:
        asyncio.run(_prime(port, paths, case))
    except* (ContenderError, OSError, aiohttp.ClientError) as errors:
        raise ContenderError(str(errors.exceptions[0])) from errors


async def _prime(port: int, paths: Iterable[str], case: Case) -> None:
    left = iter(paths)
    limit = aiohttp.ClientTimeout(total=None, sock_connect=_LIMIT_S, sock_read=_LIMIT_S)
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=limit) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(_AT_ONCE):
            group.create_task(_ask(client, left, case))


async def _ask(client: aiohttp.ClientSession, left: Iterable[str], case: Case) -> None:
    for path in left:
        async with client.get(path) as answer:
            body = await answer.read()
            if not case.accepts(answer.status, body):
                raise ContenderError(f"{path}: unexpected answer {answer.status} {body[:300]!r}")
