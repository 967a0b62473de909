"""Delivering events to webhooks: in order, at least once, by one worker of all."""

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.events import Event
from lingpai.core.hooks import ACTIVE, ASIDE, ENDED, Hook
from lingpai.keeper.context import log
from lingpai.keeper.counters import DELIVERIES
from lingpai.keeper.events import AT_ONCE, Feed, Happened, happened, moment_of
from lingpai.keeper.hooks import receives, refusal_of, signed
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.roles import Role

if TYPE_CHECKING:
    import asyncio

ROLE: Final = "hooks"
LOOK_EVERY: Final = 1.0
"""Seconds between two looks for attempts that have become due."""
DELAYS: Final = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 86_400.0)
"""Seconds after each failed attempt; after the last the webhook is set aside."""
JITTER: Final = 0.1
GONE: Final = 410
_ATTEMPTS: Final = 8
"""Attempts to write down an outcome that operators' changes overtake."""
_encode = msgspec.json.Encoder().encode

Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]
"""Posts a body to an address with headers; returns the status, or raises `PostError`."""


class PostError(Exception):
    """Nothing was delivered; says why, without what a server answered."""


class Deliveries:
    """Delivers what happens to a keeper's accounts.

    Args:
        keeper: whose accounts.
        post: reaches the webhooks.
    """

    def __init__(self, keeper: Keeper, post: Post) -> None:
        self._keeper = keeper
        self._post = post
        self._feed = Feed(keeper)
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver until cancelled. Every worker runs this; only the one that has the role does anything."""
        keeper = self._keeper
        role = Role(keeper, ROLE)
        try:
            with self._feed.listening():
                while True:
                    turn = self._feed.turn
                    try:
                        if await role.is_ours():
                            await self.look()
                        else:
                            self._pause()
                    except LingpaiError as error:
                        log.warning("deliveries_paused", error=error.kind.value, detail=error.detail)
                    except Exception:  # noqa: BLE001  nothing may end the background
                        log.exception("deliveries_failed")
                    await self._feed.wait(turn, LOOK_EVERY)
        finally:
            self._pause()

    async def look(self) -> None:
        """Begin with every webhook that is behind and due.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        hooks = await self._keeper.store.list_hooks()
        if not hooks:
            return
        _, newest = await self._keeper.store.event_range()
        now = self._keeper.clock.now()
        for hook in hooks:
            due = hook.state == ACTIVE and hook.position < newest and hook.next_at <= now
            if due and hook.name not in self._running:
                self._running[hook.name] = self._keeper.background.start(self._guarded(hook))

    def _pause(self) -> None:
        for task in self._running.values():
            task.cancel()

    async def _guarded(self, hook: Hook) -> None:
        try:
            await self._deliver(hook)
        except LingpaiError as error:
            log.warning("delivery_paused", hook=hook.name, error=error.kind.value, detail=error.detail)
        except Exception:  # noqa: BLE001  the next look begins again
            log.exception("delivery_failed", hook=hook.name)
        finally:
            self._running.pop(hook.name, None)

    async def _deliver(self, hook: Hook) -> None:
        """Deliver all events that a webhook is behind; return after the first that fails."""
        store = self._keeper.store
        behind: Hook | None = hook
        while behind is not None:
            oldest, _ = await store.event_range()
            if behind.position + 1 < oldest:
                data = {"after": behind.position, "oldest": oldest}
                message = Happened("gap", moment_of(self._keeper.clock.now()), data)
                behind = await self._attempt(behind, oldest - 1, f"gap_{behind.position}_{oldest}", message)
                continue
            events = await store.list_events(behind.position, AT_ONCE)
            if not events:
                return
            behind = await self._all(behind, events)

    async def _all(self, hook: Hook, events: tuple[Event, ...]) -> Hook | None:
        behind: Hook | None = hook
        for event in events:
            platform = self._keeper.platforms.get(event.platform)
            if receives(hook, platform, event):
                behind = await self._attempt(hook, event.id, f"evt_{event.id}", happened(platform, event))
                if behind is None:
                    return None
                hook = behind
        last = events[-1].id
        return hook if hook.position >= last else await self._noted(hook, position=last)

    async def _attempt(self, hook: Hook, number: int, name: str, message: Happened) -> Hook | None:
        """Post one event; return the webhook as it is then, or None when nothing more is to be delivered now."""
        problem, status = "", 0
        body = _encode(message)
        try:
            status = await self._post(hook.url, body, signed(hook, name, self._keeper.clock.now(), body))
            problem = refusal_of(status)
        except PostError as error:
            problem = str(error)
        if not problem:
            DELIVERIES.labels(hook.name, "ok").inc()
            return await self._noted(hook, position=number, failures=0, next_at=0.0, problem="")
        await self._failed(hook, status, problem)
        return None

    async def _failed(self, hook: Hook, status: int, problem: str) -> None:
        failures = hook.failures + 1
        if status == GONE:
            state, outcome, wait = ENDED, "ended", 0.0
        elif failures > len(DELAYS):
            state, outcome, wait = ASIDE, "aside", 0.0
        else:
            state, outcome = ACTIVE, "failed"
            wait = DELAYS[failures - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        DELIVERIES.labels(hook.name, outcome).inc()
        note = log.error if state == ASIDE else log.warning
        note(f"delivery_{outcome}", hook=hook.name, failures=failures, problem=problem)
        next_at = self._keeper.clock.now() + wait
        await self._noted(hook, failures=failures, next_at=next_at, problem=problem, state=state)

    async def _noted(self, hook: Hook, **changes: Any) -> Hook | None:
        """Write down what came of an attempt; None when the webhook is gone, or was moved or stopped meanwhile."""
        store, known = self._keeper.store, hook
        for _ in range(_ATTEMPTS):
            wanted = msgspec.structs.replace(known, **changes)
            if await store.replace_hook(known, wanted):
                return msgspec.structs.replace(wanted, revision=known.revision + 1)
            found = await store.find_hook(hook.name)
            if found is None or found.state != ACTIVE or found.position != hook.position:
                return None
            known = found
        return None
