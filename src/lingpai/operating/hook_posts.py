"""Reaching webhooks: public addresses by https, and an operator's own networks."""

from collections.abc import Mapping, Sequence
from typing import Final

from lingpai.issuer.fetcher import Fetcher, FetchError
from lingpai.keeper.deliveries import Post, PostError

SECONDS: Final = 15.0
"""For an attempt."""
AT_ONCE: Final = 1024
"""Webhooks of one host that are posted to at a time: each has one attempt, so that one which hangs delays no other."""


def posting(networks: Sequence[str], seconds: float = SECONDS) -> Post:
    """Return what posts to webhooks; the address that was checked is the one that is connected to.

    Args:
        networks: CIDR blocks that may be reached although they are not public, also by http.
        seconds: for an attempt.
    """
    fetcher = Fetcher(networks, seconds=seconds, plain=True, by_host=AT_ONCE)

    async def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            return await fetcher.send(url, body, headers)
        except FetchError as error:
            raise PostError(str(error)) from error

    return post
