"""Break it: faults of the sandbox for `lingpai dev`, to see how the service takes them. Never in production."""

from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.operating.site import Site

TIMES: Final = 100_000
"""Calls that a fault affects: all, until it is mended."""
FAULTS: Final[Mapping[str, str]] = {
    "upstream": "http500",
    "secret": "errcode:40125",
    "address": "errcode:40164",
}
"""What the sandbox answers by name of a fault: a server error, a wrong secret, an address that is not allowed."""
KILLED: Final = "killed"
MENDED: Final = "mended"
ACTIONS: Final = (*FAULTS, KILLED, MENDED)
_SECONDS: Final = 5.0
_encode = msgspec.json.Encoder().encode


class Sandbox:
    """The switches of a sandbox.

    Args:
        url: its base URL.
        site: whose token is ended by `KILLED`.
    """

    def __init__(self, url: str, site: Site) -> None:
        self._url = url
        self._keeper = site.keeper

    async def turn(self, action: str) -> None:
        """Break something, or mend all.

        Args:
            action: one of `ACTIONS`.

        Raises:
            LingpaiError: INVALID_PARAMETER; UPSTREAM_UNAVAILABLE: the sandbox does not answer.
        """
        if action in FAULTS:
            await self._ask("DELETE", "/_sandbox/faults")
            await self._ask(
                "POST", "/_sandbox/faults", {"path": "*", "fault": FAULTS[action], "times": TIMES}
            )
        elif action == KILLED:
            for value in await self._values():
                await self._ask("POST", "/_sandbox/kill", {"access_token": value})
        elif action == MENDED:
            await self._ask("DELETE", "/_sandbox/faults")
        else:
            raise LingpaiError(Kind.INVALID_PARAMETER, "There is no such fault.", parameter="fault")

    async def broken(self) -> str:
        """Return which fault the sandbox has now, or "".

        Raises:
            LingpaiError: UPSTREAM_UNAVAILABLE.
        """
        faults = {each["fault"] for each in (await self._ask("GET", "/_sandbox/faults"))["faults"]}
        return next((name for name, fault in FAULTS.items() if fault in faults), "")

    async def _values(self) -> list[str]:
        """Return the current access token of the first account that has one."""
        store = self._keeper.store
        for account in await store.list_accounts():
            app = self._keeper.app_of(account)
            credential = await store.read_credential(app.key("access_token"))
            if credential is not None and credential.current is not None:
                return [credential.current.value]
        return []

    async def _ask(self, method: str, path: str, document: Any = None) -> Any:
        body = None if document is None else _encode(document)
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, self._url + path, data=body) as answer,
            ):
                content = await answer.read()
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise LingpaiError(Kind.UPSTREAM_UNAVAILABLE, "The sandbox does not answer.") from error
        return msgspec.json.decode(content)
