"""Delivering copies of messages to environments: at least once, by one worker of all, each environment by itself."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.relays import Copy, Environment, Relay
from lingpai.keeper.context import log
from lingpai.keeper.counters import RELAY_COPIES
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.relay.parcels import parcel
from lingpai.keeper.relay.reaching import ReachError, UndeliverableError
from lingpai.keeper.roles import Role

ROLE: Final = "copies"
LOOK_EVERY: Final = 1.0
"""Seconds between two looks for copies that have become due."""
APART: Final = 0.05
AT_ONCE: Final = 8
"""Copies that one environment gets at a time."""
DELAYS: Final = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0)
"""Seconds after each time that an environment refuses a message; after the last it is given up."""
SHORTEST: Final = 5.0
LONGEST: Final = 300.0
"""Seconds until an environment that was not reached is tried again, by other messages than last time."""
PROBES: Final = 2
"""Messages by which it is tried again: when one of them arrives, the other is at fault itself."""
JITTER: Final = 0.1
_AWAY: Final = frozenset({502, 503, 504})
"""What a proxy answers when nobody is behind it."""
_GOOD: Final = range(200, 300)


class Copies:
    """Delivers the copies of a keeper's messages.

    Args:
        keeper: whose.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver until cancelled. Every worker runs this; only the one that has the role does anything."""
        keeper = self._keeper
        role = Role(keeper, ROLE)
        try:
            while True:
                try:
                    if await role.is_ours():
                        await self.look()
                    else:
                        self._pause()
                    await keeper.store.wait_change(LOOK_EVERY)
                except LingpaiError as error:
                    log.warning("copies_paused", error=error.kind.value, detail=error.detail)
                    await asyncio.sleep(LOOK_EVERY)
                except Exception:  # noqa: BLE001  nothing may end the background
                    log.exception("copies_failed")
                    await asyncio.sleep(LOOK_EVERY)
                await asyncio.sleep(APART)
        finally:
            self._pause()

    async def look(self) -> None:
        """Begin with every environment that waits for copies that are due.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        store, now = self._keeper.store, self._keeper.clock.now()
        waiting = {name: each for name, each in (await store.waiting_copies()).items() if each.due_at <= now}
        if not waiting:
            return
        relays = {each.app: each for each in await store.list_relays()}
        for each in await store.list_environments():
            due = each.name in waiting and each.url and each.next_at <= now
            if due and each.app in relays and each.name not in self._running:
                task = self._keeper.background.start(self._guarded(relays[each.app], each))
                self._running[each.name] = task

    def _pause(self) -> None:
        for task in self._running.values():
            task.cancel()

    async def _guarded(self, relay: Relay, environment: Environment) -> None:
        try:
            await self._deliver(relay, environment)
        except LingpaiError as error:
            log.warning(
                "copy_paused", environment=environment.name, error=error.kind.value, detail=error.detail
            )
        except Exception:  # noqa: BLE001  the next look begins again
            log.exception("copy_failed", environment=environment.name)
        finally:
            self._running.pop(environment.name, None)

    async def _deliver(self, relay: Relay, environment: Environment) -> None:
        """Deliver what is due; return when an environment is not reached."""
        keeper = self._keeper
        while True:
            most = PROBES if environment.failures else AT_ONCE
            copies = await keeper.store.due_copies(environment.name, keeper.clock.now(), most)
            if not copies:
                return
            problems = await asyncio.gather(*(self._attempt(relay, environment, each) for each in copies))
            away = await self._away(environment, copies, problems)
            if away:
                problem = away[0][1]
                failures = environment.failures + 1
                wait = min(LONGEST, SHORTEST * 2 ** min(failures - 1, 10))
                wait *= random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
                changes: Mapping[str, Any] = {
                    "failures": failures,
                    "next_at": keeper.clock.now() + wait,
                    "problem": problem,
                }
                log.warning(
                    "environment_away", environment=environment.name, failures=failures, problem=problem
                )
                # Behind those that come until then: it may be these messages that are at fault.
                for copy, _ in away:
                    await keeper.store.delay_copy(copy.id, copy.attempts, changes["next_at"])
                await self._noted(environment, changes)
                return
            if environment.failures:
                noted = await self._noted(environment, {"failures": 0, "next_at": 0.0, "problem": ""})
                if noted is None:
                    return
                environment = noted

    async def _away(
        self, environment: Environment, copies: Sequence[Copy], problems: Sequence[str]
    ) -> list[tuple[Copy, str]]:
        """Return the copies that did not arrive because the environment is away, and why.

        One that did not arrive while others did, or had been refused before, counts as refused: it crashes what
        receives it, maybe, and a proxy before that answers as if nobody were there.
        """
        away = []
        reached = not all(problems)
        for copy, problem in zip(copies, problems, strict=True):
            if problem and (reached or (copy.attempts and not environment.failures)):
                await self._refused(environment, copy, problem)
            elif problem:
                RELAY_COPIES.labels(environment.name, "unreached").inc()
                away.append((copy, problem))
        return away

    async def _attempt(self, relay: Relay, environment: Environment, copy: Copy) -> str:
        """Post a copy; return why the environment was not reached, or "" when it was."""
        keeper = self._keeper
        try:
            url, body, headers = parcel(relay, environment, copy.push, keeper.clock.now())
            status = (await keeper.reach(url, body, headers, False)).status
        except UndeliverableError as error:
            await self._refused(environment, copy, str(error))
            return ""
        except ReachError as error:
            return str(error)
        if status in _GOOD:
            RELAY_COPIES.labels(environment.name, "ok").inc()
            await keeper.store.end_copy(copy.id)
            return ""
        problem = f"it answers {status}"
        if status in _AWAY:
            return problem
        await self._refused(environment, copy, problem)
        return ""

    async def _refused(self, environment: Environment, copy: Copy, problem: str) -> None:
        attempts = copy.attempts + 1
        if attempts > len(DELAYS):
            RELAY_COPIES.labels(environment.name, "dropped").inc()
            log.error("copy_dropped", environment=environment.name, failures=attempts, problem=problem)
            await self._keeper.store.end_copy(copy.id)
            return
        RELAY_COPIES.labels(environment.name, "refused").inc()
        wait = DELAYS[attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        await self._keeper.store.delay_copy(copy.id, attempts, self._keeper.clock.now() + wait)

    async def _noted(self, environment: Environment, changes: Mapping[str, Any]) -> Environment | None:
        """Write down how an environment was reached; None when an operator changed it meanwhile."""
        wanted = msgspec.structs.replace(environment, **changes)
        if not await self._keeper.store.replace_environment(environment, wanted):
            return None
        return msgspec.structs.replace(wanted, revision=environment.revision + 1)
