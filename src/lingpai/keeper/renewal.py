"""The background: renewing ahead of need and tidying up, by one worker of all."""

import asyncio
import functools
import math
from collections import Counter, deque
from collections.abc import Iterable

from lingpai.core.errors import LingpaiError
from lingpai.core.outages import outage_lines
from lingpai.core.records import CredentialKey
from lingpai.core.seals import SealError
from lingpai.keeper import presence
from lingpai.keeper.app import App
from lingpai.keeper.context import log
from lingpai.keeper.counters import publish_hits
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.roles import Role
from lingpai.keeper.third_parties.pushes import settle_due
from lingpai.keeper.third_parties.recovering import recover_all

ROLE = "renewal"
PURGE_EVERY = 60.0
PURGE_LIMIT = 500
PUSHES_EVERY = 2.0
RECOVER_LOOK_EVERY = 600.0
STORE_DOWN_WAIT = 2.0
FEWEST_DUE = 64
MOST_DUE = 16_384
AUDIT_KEPT = 400 * 86_400.0
"""Seconds for which rows of the audit trail are kept."""
UNTRIED_WAIT = 60.0
"""Seconds until the next look at a credential that nothing here can renew."""


async def run(keeper: Keeper) -> None:
    """Renew what is due, until cancelled.

    Every worker runs this; only the one that has the role does anything.
    """
    announced_at = float("-inf")
    role = Role(keeper, ROLE)
    renewals, chores = Renewals(keeper), Chores(keeper)
    try:
        while True:
            publish_hits()
            try:
                now = keeper.clock.steady()
                if now - announced_at >= presence.EVERY:
                    await presence.announce(keeper)
                    announced_at = now
                if await role.is_ours():
                    await renewals.look()
                    await chores.do(now)
                else:
                    renewals.pause()
                if now - keeper.audit.written_at >= PURGE_EVERY:
                    keeper.audit.write_out(now)
                outage_lines.end()
            except LingpaiError as error:
                log.warning(
                    "background_paused", error=error.kind.value, detail=error.detail, retry_in=STORE_DOWN_WAIT
                )
                await keeper.clock.sleep(STORE_DOWN_WAIT)
            except Exception:  # noqa: BLE001  nothing may end the background: tokens would run out one by one
                log.exception("background_failed")
            await keeper.clock.sleep(keeper.options.tick)
    finally:
        renewals.pause()
        await asyncio.shield(_resign(keeper))


class Chores:
    """What the leading worker does now and then, besides renewing.

    Args:
        keeper: the keeper.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._every = {
            self._tidy: PURGE_EVERY,
            self._settle: PUSHES_EVERY,
            self._recover: RECOVER_LOOK_EVERY,
        }
        self._done_at = dict.fromkeys(self._every, float("-inf"))

    async def do(self, now: float) -> None:
        """Do what is due.

        Args:
            now: steady time.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        for chore, every in self._every.items():
            if now - self._done_at[chore] >= every:
                self._done_at[chore] = now
                await chore()

    async def _tidy(self) -> None:
        keeper = self._keeper
        await keeper.store.purge(PURGE_LIMIT)
        await keeper.store.purge_administration(keeper.clock.now() - AUDIT_KEPT, PURGE_LIMIT)
        if keeper.reconcile is not None:
            keeper.reconcile()

    async def _settle(self) -> None:
        await settle_due(self._keeper)

    async def _recover(self) -> None:
        await recover_all(self._keeper)


async def _resign(keeper: Keeper) -> None:
    await keeper.store.resign(ROLE, keeper.process)
    await presence.withdraw(keeper)


class Renewals:
    """Renewals under way, at most `renewals_at_once` of each platform.

    A slot that becomes free is filled at once, so accounts whose platform hangs delay neither those of other
    platforms nor, for longer than one of them hangs, their own.

    Args:
        keeper: the keeper.
        once: whether each credential is tried once only, also when that fails.
    """

    def __init__(self, keeper: Keeper, *, once: bool = False) -> None:
        self._keeper = keeper
        self._once = once
        self._running: dict[CredentialKey, asyncio.Task[bool]] = {}
        self._waiting: dict[str, deque[CredentialKey]] = {}
        self._busy: Counter[str] = Counter()
        self._aside: dict[CredentialKey, float] = {}
        self.begun = 0

    async def look(self) -> None:
        """See what is due now, and begin with it as far as slots are free.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        limit = FEWEST_DUE
        while True:
            due = await self._keeper.store.due_credentials(limit)
            self._queue(due)
            # What waits for a slot, or cannot be tried, must not hide what is due behind it.
            if len(due) < limit or limit >= MOST_DUE or self._is_full():
                break
            limit *= 4
        for platform in tuple(self._waiting):
            self._fill(platform)

    async def settle(self) -> None:
        """Wait until nothing is under way and nothing waits."""
        while self._running:
            await asyncio.wait(tuple(self._running.values()))

    def pause(self) -> None:
        """Begin nothing more until the next look."""
        self._waiting.clear()

    def _queue(self, due: Iterable[CredentialKey]) -> None:
        now = self._keeper.clock.steady()
        self._aside = {key: until for key, until in self._aside.items() if until > now}
        self._waiting = {}
        for key in due:
            if key not in self._running and key not in self._aside:
                self._waiting.setdefault(key.platform, deque()).append(key)

    def _is_full(self) -> bool:
        slots = self._keeper.options.renewals_at_once
        return all(
            self._busy[platform] + len(self._waiting.get(platform, ())) >= slots
            for platform in self._keeper.platforms
        )

    def _fill(self, platform: str) -> None:
        waiting = self._waiting.get(platform)
        while waiting and self._busy[platform] < self._keeper.options.renewals_at_once:
            key = waiting.popleft()
            self.begun += 1
            self._busy[platform] += 1
            if self._once:
                self._aside[key] = math.inf
            task = self._running[key] = self._start(key)
            task.add_done_callback(functools.partial(self._end, key))

    def _start(self, key: CredentialKey) -> asyncio.Task[bool]:
        return self._keeper.credentials.start_renewal_of(
            key, functools.partial(_find_renewable_app, self._keeper, key)
        )

    def _end(self, key: CredentialKey, task: asyncio.Task[bool]) -> None:
        del self._running[key]
        self._busy[key.platform] -= 1
        if task.cancelled():
            return
        if (failure := task.exception()) is not None:  # the store: the next look meets it as well
            log.warning(
                "renewal_failed", platform=key.platform, account=key.account, error=type(failure).__name__
            )
            self.pause()
        elif not task.result():
            self._aside.setdefault(key, self._keeper.clock.steady() + UNTRIED_WAIT)
        self._fill(key.platform)


async def renew_due(keeper: Keeper) -> int:
    """Renew all that is due now, each once; return how many were tried."""
    renewals = Renewals(keeper, once=True)
    while True:
        begun = renewals.begun
        await renewals.look()
        await renewals.settle()
        if renewals.begun == begun:
            return begun


async def _find_renewable_app(keeper: Keeper, key: CredentialKey) -> App | None:
    """Return the app that a credential is renewed for, or None when nothing here can renew it."""
    try:
        return await _find_app(keeper, key)
    except SealError as error:  # a secret that does not decrypt must not delay the others
        log.error(
            "account_unreadable",
            platform=key.platform,
            account=key.account,
            detail=str(error.__cause__ or error),
        )
        return None


async def _find_app(keeper: Keeper, key: CredentialKey) -> App | None:
    for account in await keeper.store.find_accounts(key.platform, key.account):
        if account.platform in keeper.platforms:
            app = keeper.app_of(account)
            if app.digest == key.secret_digest and _is_renewed(app, key.kind):
                return app
    return None


def _is_renewed(app: App, kind: str) -> bool:
    known = app.platform.takes(kind) or kind == app.platform.pushed
    return known and not (kind == ACCESS_TOKEN and app.tokenless)
