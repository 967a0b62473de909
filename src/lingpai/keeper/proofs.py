"""Secrets that callers bring of apps that nobody configured: proven once, and tried within limits.

A secret that the platform has accepted once is proven, for good and for every process: the store keeps a keyed digest.
What is limited are calls with secrets that are not: each costs the platform a call, and too many wrong ones have it
block an app or this address. Trusted networks are counted, and wait for a slot, apart from strangers: appids are
public, so anybody could else keep the right secret of an app from being proven. A refusal of a secret is remembered as
long as a breaker stays open, so a caller that repeats it costs no call, and uses nothing of what others have left.
Nothing is kept under a name that a caller invented: what is remembered and counted here is found by keyed digests of
tuples, which nobody can make collide.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import msgspec

from lingpai.core.clock import end_after
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.networks import network_of
from lingpai.core.records import Budget, Trouble
from lingpai.keeper.app import App
from lingpai.keeper.budgets import window_of
from lingpai.keeper.concurrency_limit import ConcurrencyLimit
from lingpai.keeper.context import Context, log
from lingpai.keeper.counters import FETCHES
from lingpai.keeper.failures import PERMANENT, TRANSIENT, FetchFailed, error_of, trouble_after
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Severity
from lingpai.keeper.upstream import Refusal, Unreachable

UNPROVEN = "unproven"
"""Name of the budgets of secrets that no platform has accepted."""
MOST_PROVEN = 10_000
"""Digests that a process remembers; the store has them all."""
MINUTE = 60.0
POLL = 0.1

_troubles = msgspec.json.Decoder(Trouble)

T = TypeVar("T")


class _Limit(NamedTuple):
    subject: tuple[object, ...]
    limit: int
    where: str


class _Claim(NamedTuple):
    digest: bytes
    holder: str


class Proofs:
    """Proves secrets by a first call of the platform.

    Args:
        context: the keeper's.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._proven: set[bytes] = set()
        self.slots: defaultdict[tuple[str, bool], ConcurrencyLimit] = defaultdict(ConcurrencyLimit)
        """By platform and whether trusted networks ask: how many calls with unproven secrets run at a time."""

    async def is_proven(self, app: App) -> bool:
        """Return whether a secret is known to be right: an operator configured it, or the platform accepted it once."""
        if app.configured:
            return True
        digest = self._digest("proof", *_secret_of(app))
        if digest in self._proven:
            return True
        store = self._context.store
        if not await store.has_proof(digest):
            stored = await store.read_credential(app.key(ACCESS_TOKEN))
            if stored is None or stored.version == 0:
                return False
        self._remember(digest)
        return True

    async def call(self, app: App, call: Callable[[], Awaitable[T]]) -> T:
        """Return what a call of the platform with the app's secret returns; within limits while that is not proven.

        Raises:
            LingpaiError: as `prove`, and whatever `call` raises.
        """
        first = await self.prove(app, call)
        return await call() if first is None else first

    async def prove(self, app: App, call: Callable[[], Awaitable[T]]) -> T | None:
        """Return what the first call with a secret returns; None, without a call, once the secret is proven.

        Of all processes, one makes that call at a time.

        Args:
            app: for whom; its `peer` is who asks.
            call: raises FetchFailed, Refusal or Unreachable when the platform does not accept the secret.

        Raises:
            LingpaiError: UPSTREAM_REFUSED or UPSTREAM_UNAVAILABLE when the secret was refused a short while ago;
                TOO_MANY_REQUESTS.
        """
        context = self._context
        claim = _Claim(self._digest("guess", *_secret_of(app)), context.lease_holder())
        give_up = context.clock.steady() + context.options.patience
        while not await self.is_proven(app):
            found = await context.store.claim_exchange(
                *claim, context.options.lease, context.clock.now() + MINUTE
            )
            if found.answer is not None:
                raise error_of(_troubles.decode(found.answer), context.clock)
            if found.claimed:
                if await self.is_proven(app):  # by another process, between the two questions
                    await self._end(claim, None)
                    return None
                return await self._try(app, claim, call)
            if context.clock.steady() >= give_up:
                raise LingpaiError(
                    Kind.UPSTREAM_UNAVAILABLE, "This secret is being tried already; try again.", retry_after=1
                )
            await context.store.wait_change(POLL)
        return None

    async def attempt(self, app: App, call: Callable[[], Awaitable[T]]) -> T:
        """Return what a call returns whose credential nothing proves for good; within the limits of unproven secrets.

        Args:
            app: for whom; its `digest` is the credential's, its `peer` is who asks.
            call: raises Refusal or Unreachable when the platform does not accept the credential.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS; and whatever `call` raises.
        """
        async with self.slots[app.platform.name, app.trusted].slot(self._context.options.patience):
            return await self._count_failure(app, call)

    async def prove_by_token(self, app: App, fetch: Callable[[], Awaitable[T]]) -> T | None:
        """Prove a secret by the first token of its app, as `prove`.

        Raises:
            LingpaiError: as `prove`, and the refusal.
        """
        try:
            return await self.prove(app, fetch)
        except FetchFailed as failure:
            FETCHES.labels(app.platform.name, ACCESS_TOKEN, failure.fault.severity.value).inc()
            raise error_of(self._trouble(failure), self._context.clock) from failure

    async def _try(self, app: App, claim: _Claim, call: Callable[[], Awaitable[T]]) -> T:
        trouble = None
        try:
            async with self.slots[app.platform.name, app.trusted].slot(self._context.options.patience):
                result = await self._count_failure(app, call)
            await self._save_proof(app)
        except (FetchFailed, Refusal, Unreachable) as error:
            failure = _as_failure(app, error)
            log.warning(
                "secret_not_taken",
                platform=app.platform.name,
                errcode=failure.code,
                reason=failure.message,
            )
            if failure.fault.severity is not Severity.CALLER:
                trouble = self._trouble(failure)
            raise
        finally:
            await asyncio.shield(self._end(claim, trouble))
        return result

    async def _end(self, claim: _Claim, trouble: Trouble | None) -> None:
        if trouble is None:
            await self._context.store.drop_exchange(*claim)
        else:
            answer = msgspec.json.encode(trouble).decode()
            await self._context.store.finish_exchange(*claim, answer, trouble.retry.wall)

    async def _save_proof(self, app: App) -> None:
        digest = self._digest("proof", *_secret_of(app))
        try:
            await self._context.store.keep_proof(digest)
        except LingpaiError as error:  # the call may have returned a login code's answer, which comes once
            log.warning("proof_not_kept", error=error.kind.value)
        self._remember(digest)

    def _remember(self, digest: bytes) -> None:
        if len(self._proven) >= MOST_PROVEN:
            self._proven.clear()
        self._proven.add(digest)

    def _trouble(self, failure: FetchFailed) -> Trouble:
        clock, options = self._context.clock, self._context.options
        trouble = trouble_after(clock, options, None, failure)
        longest = options.probe_every  # whatever the refusal was: nobody else can have it tried again
        if trouble.retry.remaining(clock) <= longest:
            return trouble
        return msgspec.structs.replace(trouble, retry=end_after(clock, longest))

    async def _count_failure(self, app: App, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call within the limits of unproven secrets; one that fails counts.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS.
        """
        await self._demand_budget(app)
        try:
            return await call()
        except (FetchFailed, Refusal, Unreachable):
            await self._count(app)
            raise

    async def _demand_budget(self, app: App) -> None:
        limits, store = self._limits(app), self._context.store
        used = await asyncio.gather(*(store.read_budget(self._budget(each)) for each in limits))
        for each, count in zip(limits, used, strict=True):
            if count >= each.limit:
                raise _too_many(each.where)

    async def _count(self, app: App) -> None:
        """Count a call that failed.

        The repetition of one secret counts against that secret, and against all strangers together; against its app
        and the address, where others may have right ones, each secret counts once.
        """
        secret, everybody, *shared = self._limits(app)
        store = self._context.store
        uses = [await store.take_budget(self._budget(each)) for each in (secret, everybody)]
        if uses[0].used == 1:
            for each in shared:
                await store.take_budget(self._budget(each))

    def _limits(self, app: App) -> tuple[_Limit, ...]:
        options, origin = self._context.options, network_of(app.peer)
        platform, account, _ = _secret_of(app)
        return (
            _Limit(("secret", origin, *_secret_of(app)), options.unproven_a_minute, "with this secret"),
            _Limit(
                ("everybody", platform, app.trusted),
                options.unproven_by_platform_a_minute,
                "for this platform",
            ),
            _Limit(("app", platform, account, app.trusted), options.unproven_a_minute, "for this app"),
            _Limit(("peer", origin), options.unproven_by_peer_a_minute, "from this address"),
        )

    def _budget(self, limit: _Limit) -> Budget:
        window, ends_at = window_of(self._context.clock.now(), MINUTE)
        return Budget(self._digest(*limit.subject).hex(), UNPROVEN, window, limit.limit, ends_at)

    def _digest(self, *parts: object) -> bytes:
        return self._context.digest_guess(msgspec.json.encode(parts).decode())


def _as_failure(app: App, error: FetchFailed | Refusal | Unreachable) -> FetchFailed:
    if isinstance(error, FetchFailed):
        return error
    if isinstance(error, Unreachable):
        return FetchFailed(TRANSIENT, None, str(error))
    fault = app.platform.fault(error.code)
    if fault.severity is Severity.DEAD_TOKEN:  # the call carries a secret and no token
        fault = PERMANENT
    return FetchFailed(fault, error.code, error.message)


def _too_many(where: str) -> LingpaiError:
    return LingpaiError(
        Kind.TOO_MANY_REQUESTS, f"Too many secrets were tried {where}; wait a minute.", retry_after=MINUTE
    )


def _secret_of(app: App) -> tuple[str, str, str]:
    return app.platform.name, app.account, app.digest.hex()
