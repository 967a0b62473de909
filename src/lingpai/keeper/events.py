"""Events of accounts as listeners get them: which, and in which form."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.events import DEAD, LOW, RENEWED, Event
from lingpai.core.records import Caller
from lingpai.keeper.access import covers
from lingpai.keeper.context import Context
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.single_flight import SingleFlight

AT_ONCE: Final = 100
"""Events that are read at a time."""
APART: Final = 0.05
"""Seconds between two turns at least: each change of others is one too."""
LONGEST_WAIT: Final = 10.0
OUTAGE_WAIT: Final = 1.0
_RIGHTS: Final = {"token": ("token", "forward"), "ticket": ("ticket", "sign")}


class Happened(msgspec.Struct, frozen=True):
    """An event as listeners get it.

    `data` has platform, account, label and, but for budgets, kind and version. Renewed: `ends_at` (unix seconds), with
    `values` also `value` and `expires_in`, while that version is the newest. Trouble: `permanent`, `code`, `message`.
    Low budgets: `budget`, `used`, `limit`.
    """

    type: str
    timestamp: str
    data: dict[str, Any]


class Feed:
    """The events of a keeper, for any number of listeners: those at the same place are served by one read.

    Args:
        context: whose.

    Attributes:
        turn: grows with each change of the store, and sometimes without one.
    """

    def __init__(self, context: Context) -> None:
        self.turn = 0
        self._context = context
        self._reading: SingleFlight[int, tuple[Event, ...]] = SingleFlight(context.background)
        self._listeners = 0
        self._watching: asyncio.Task[None] | None = None
        self._turned = asyncio.Event()

    async def after(self, number: int) -> tuple[Event, ...]:
        """Return the next events behind one."""
        store = self._context.store
        return await self._reading.run(number, lambda: store.list_events(number, AT_ONCE))

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Enter a block in which `turn` grows."""
        self._listeners += 1
        if self._watching is None or self._watching.done():
            self._watching = self._context.background.start(self._watch())
        try:
            yield
        finally:
            self._listeners -= 1

    async def wait(self, turn: int, seconds: float) -> None:
        """Come back when `turn` is not this any more, or after `seconds`.

        Who notes the turn, then reads, then waits for another turn misses nothing.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.turn == turn:
                    await self._turned.wait()

    async def _watch(self) -> None:
        while self._listeners:
            # The wait begins before anybody reads: a change that no read has seen then ends it.
            waiting = asyncio.ensure_future(self._context.store.wait_change(LONGEST_WAIT))
            await asyncio.sleep(0)
            self.turn += 1
            self._turned.set()
            self._turned = asyncio.Event()
            try:
                await waiting
            except LingpaiError:
                await asyncio.sleep(OUTAGE_WAIT)
            except asyncio.CancelledError:
                waiting.cancel()
                raise
            await asyncio.sleep(APART)


def sort_of(platform: Platform | None, event: Event) -> str:
    """Return `token` or `ticket`: what an event of a kind is about."""
    return "ticket" if platform is not None and event.kind in platform.tickets else "token"


def type_of(platform: Platform | None, event: Event) -> str:
    """Return the type that listeners see, such as `token.renewed`."""
    return f"{sort_of(platform, event)}.{event.type}" if event.type in {RENEWED, DEAD} else event.type


def may_hear(caller: Caller, platform: Platform | None, event: Event) -> bool:
    """Return whether a caller receives an event: by its apps, and the rights on what it is about."""
    if not covers(caller.apps, event.app):
        return False
    if event.type not in {RENEWED, DEAD}:
        return True
    return any(right in caller.rights for right in _RIGHTS[sort_of(platform, event)])


def moment_of(at: float) -> str:
    """Return unix time as events have it."""
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def happened(platform: Platform | None, event: Event) -> Happened:
    """Return an event as listeners get it."""
    about: dict[str, Any] = {"platform": event.platform, "account": event.account, "label": event.label}
    if event.type != LOW:
        about |= {"kind": event.kind, "version": event.version}
    return Happened(type_of(platform, event), moment_of(event.at), {**about, **event.data})
