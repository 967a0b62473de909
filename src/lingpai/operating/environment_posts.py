"""Reaching environments: as webhooks are, but those that a platform waits for wait for no other."""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from lingpai.core.relays import Answered
from lingpai.issuer.fetcher import Fetcher, FetchError, check_fetchable
from lingpai.keeper.relay.reaching import Reach, ReachError, UndeliverableError

SECONDS: Final = 15.0
"""For an attempt."""
AT_ONCE: Final = 256
"""Messages that one host is asked to answer at a time."""
COPIES_AT_ONCE: Final = 1024
"""Copies on their way to one host: each environment has few (`keeper.relay.copying`), but many may have one host."""
_RESOLVERS: Final = 4


def reaching(networks: Sequence[str], seconds: float = SECONDS) -> Reach:
    """Return what posts to environments; the address that was checked is the one that is connected to.

    Args:
        networks: CIDR blocks that may be reached although they are not public, also by http.
        seconds: for an attempt.
    """
    primary = Fetcher(networks, seconds=seconds, plain=True, by_host=AT_ONCE)
    copies = Fetcher(networks, seconds=seconds, plain=True, by_host=COPIES_AT_ONCE, resolve=_Resolver())

    async def reach(url: str, body: bytes, headers: Mapping[str, str], now: bool) -> Answered:
        _demand_query(url)
        try:
            if not now:  # nobody waits for what is answered, whatever it is
                return Answered(await copies.send(url, body, headers))
            answered = await primary.ask(url, body, headers)
            return Answered(answered.status, answered.content_type, answered.body.decode())
        except (FetchError, UnicodeDecodeError) as error:
            text = "its answer is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise ReachError(text) from error

    return reach


def _demand_query(url: str) -> None:
    """Refuse an address that a message's query alone makes one that cannot be posted to.

    Raises:
        UndeliverableError: it does.
    """
    try:
        check_fetchable(url, plain=True)
    except FetchError as error:
        with contextlib.suppress(FetchError):
            check_fetchable(url.partition("?")[0], plain=True)
            raise UndeliverableError("the message's query cannot be passed on") from error


class _Resolver:
    """Finds the addresses of hosts in threads of its own: names that are found slowly delay nobody else's."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_RESOLVERS, "lingpai-resolve")
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(each[4][0]) for each in found]
