"""Secrets that callers bring of apps that nobody configured: proven once, and guessed at within limits.

A secret that the platform has taken once is proven, for good and for every process: the store keeps a keyed digest.
What is limited are calls of secrets that are not: each costs the platform a call, and too many wrong ones have it block
an app or this address. Trusted networks are counted, and wait their turn, apart from strangers: appids are public, so
anybody could else keep the right secret of an app from being proven. A refusal of a secret is remembered as long as a
breaker stays open, so a caller that repeats it costs no call, and spends nothing of what others have left. Nothing is
kept under a name that a caller invented: what is remembered and counted here is found by keyed digests of tuples,
which nobody can make collide.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import msgspec

from lingpai.core.clock import end_after
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Budget, Trouble
from lingpai.keeper.budgets import window_of
from lingpai.keeper.counters import FETCHES
from lingpai.keeper.failures import error_of, trouble_after
from lingpai.keeper.fetching import FetchFailed
from lingpai.keeper.keeper import App, Keeper, log
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Fault, Severity
from lingpai.keeper.upstream import Refusal, Unreachable

UNPROVEN = "unproven"
"""Name of the budgets of secrets that never brought anything."""
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


async def is_proven(keeper: Keeper, app: App) -> bool:
    """Whether a secret is known to be right: an operator configured it, or the platform took it once."""
    if app.configured:
        return True
    digest = _digest(keeper, "proof", *_secret_of(app))
    if digest in keeper.proven:
        return True
    if not await keeper.store.has_proof(digest):
        held = await keeper.store.read_credential(app.key(ACCESS_TOKEN))
        if held is None or held.version == 0:
            return False
    _remember(keeper, digest)
    return True


async def with_proof(keeper: Keeper, app: App, call: Callable[[], Awaitable[T]]) -> T:
    """What a call of the platform with the app's secret brings; within limits while that is not proven.

    Raises:
        LingpaiError: as `prove`, and whatever `call` raises.
    """
    proven = await prove(keeper, app, call)
    return await call() if proven is None else proven


async def prove(keeper: Keeper, app: App, call: Callable[[], Awaitable[T]]) -> T | None:
    """What the first call with a secret brings; None, and no call, once it is proven.

    Of all processes, one makes that call at a time.

    Args:
        keeper: the keeper.
        app: for whom; its `peer` is who asks.
        call: raises FetchFailed, Refusal or Unreachable when it brings nothing.

    Raises:
        LingpaiError: UPSTREAM_REFUSED or UPSTREAM_UNAVAILABLE when the secret was refused a short while ago;
            TOO_MANY_REQUESTS.
    """
    claim = (_digest(keeper, "guess", *_secret_of(app)), f"{keeper.holder}.{next(keeper.attempts)}")
    give_up = keeper.clock.steady() + keeper.options.patience
    while not await is_proven(keeper, app):
        found = await keeper.store.claim_exchange(*claim, keeper.options.lease, keeper.clock.now() + MINUTE)
        if found.answer is not None:
            raise error_of(_troubles.decode(found.answer), keeper.clock)
        if found.claimed:
            return await _guess(keeper, app, claim, call)
        if keeper.clock.steady() >= give_up:
            raise LingpaiError(
                Kind.UPSTREAM_UNAVAILABLE, "This secret is being tried already; try again.", retry_after=1
            )
        await keeper.store.wait_change(POLL)
    return None


async def first(keeper: Keeper, app: App, fetch: Callable[[], Awaitable[T]]) -> T | None:
    """As `prove`, for the first token of an app, which is held before others may fetch.

    Raises:
        LingpaiError: as `prove`, and the refusal.
    """
    try:
        return await prove(keeper, app, fetch)
    except FetchFailed as failure:
        FETCHES.labels(app.platform.name, ACCESS_TOKEN, failure.fault.severity.value).inc()
        raise error_of(_trouble(keeper, failure), keeper.clock) from failure


async def _guess(keeper: Keeper, app: App, claim: tuple[bytes, str], call: Callable[[], Awaitable[T]]) -> T:
    trouble = None
    try:
        async with keeper.guessing[app.platform.name, app.trusted].slot(keeper.options.patience):
            brought = await _spend(keeper, app, call)
        await _keep_proof(keeper, app)
    except (FetchFailed, Refusal, Unreachable) as error:
        failure = _as_failure(app, error)
        log.warning(
            "secret_not_taken",
            platform=app.platform.name,
            errcode=failure.code,
            reason=failure.message,
        )
        if failure.fault.severity is not Severity.CALLER:
            trouble = _trouble(keeper, failure)
        raise
    finally:
        await asyncio.shield(_end(keeper, claim, trouble))
    return brought


async def _end(keeper: Keeper, claim: tuple[bytes, str], trouble: Trouble | None) -> None:
    if trouble is None:
        await keeper.store.drop_exchange(*claim)
    else:
        answer = msgspec.json.encode(trouble).decode()
        await keeper.store.finish_exchange(*claim, answer, trouble.retry.wall)


async def _keep_proof(keeper: Keeper, app: App) -> None:
    digest = _digest(keeper, "proof", *_secret_of(app))
    try:
        await keeper.store.keep_proof(digest)
    except LingpaiError as error:  # what the call brought may be a login code's answer, which comes once
        log.warning("proof_not_kept", error=error.kind.value)
    _remember(keeper, digest)


def _remember(keeper: Keeper, digest: bytes) -> None:
    if len(keeper.proven) >= MOST_PROVEN:
        keeper.proven.clear()
    keeper.proven.add(digest)


def _as_failure(app: App, error: FetchFailed | Refusal | Unreachable) -> FetchFailed:
    if isinstance(error, FetchFailed):
        return error
    if isinstance(error, Unreachable):
        return FetchFailed(Fault(Severity.TRANSIENT), None, str(error))
    fault = app.platform.fault(error.code)
    if fault.severity is Severity.DEAD_TOKEN:  # the call carries a secret and no token
        fault = Fault(Severity.PERMANENT)
    return FetchFailed(fault, error.code, error.message)


def _trouble(keeper: Keeper, failure: FetchFailed) -> Trouble:
    trouble = trouble_after(keeper.clock, keeper.options, None, failure.fault, failure.code, failure.message)
    longest = keeper.options.probe_every  # whatever the refusal was: nobody else can have it tried again
    if trouble.retry.remaining(keeper.clock) <= longest:
        return trouble
    return msgspec.structs.replace(trouble, retry=end_after(keeper.clock, longest))


async def _demand_room(keeper: Keeper, app: App) -> None:
    """Refuse a secret when too many others were refused of late.

    Raises:
        LingpaiError: TOO_MANY_REQUESTS.
    """
    limits = _limits(keeper, app)
    used = await asyncio.gather(*(keeper.store.read_budget(_budget(keeper, each)) for each in limits))
    for each, count in zip(limits, used, strict=True):
        if count >= each.limit:
            raise _too_many(each.where)


async def _spend(keeper: Keeper, app: App, call: Callable[[], Awaitable[T]]) -> T:
    await _demand_room(keeper, app)
    try:
        return await call()
    except (FetchFailed, Refusal, Unreachable):
        await _count(keeper, app)
        raise


async def _count(keeper: Keeper, app: App) -> None:
    """Count a call that brought nothing.

    That one secret is repeated is held against it alone, and against all strangers together; against its app and the
    address, where others may have right ones, each secret counts once.
    """
    secret, everybody, *shared = _limits(keeper, app)
    uses = [await keeper.store.take_budget(_budget(keeper, each)) for each in (secret, everybody)]
    if uses[0].used == 1:
        for each in shared:
            await keeper.store.take_budget(_budget(keeper, each))


def _limits(keeper: Keeper, app: App) -> tuple[_Limit, ...]:
    options, origin = keeper.options, origin_of(app.peer)
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


def _budget(keeper: Keeper, limit: _Limit) -> Budget:
    window, ends_at = window_of(keeper.clock.now(), MINUTE)
    return Budget(_digest(keeper, *limit.subject).hex(), UNPROVEN, window, limit.limit, ends_at)


def _too_many(where: str) -> LingpaiError:
    return LingpaiError(
        Kind.TOO_MANY_REQUESTS, f"Too many secrets were tried {where}; wait a minute.", retry_after=MINUTE
    )


def _secret_of(app: App) -> tuple[str, str, str]:
    return app.platform.name, app.account, app.digest.hex()


def _digest(keeper: Keeper, *parts: object) -> bytes:
    return keeper.digest_guess(msgspec.json.encode(parts).decode())


def origin_of(peer: str) -> str:
    """Who is behind an address: of IPv6, whole networks of 64 bits are one customer's."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
