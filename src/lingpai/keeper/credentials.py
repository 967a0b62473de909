"""Holding a credential: handing out what lives, and seeing to it that one fetch serves all who wait.

    hold ── live ──────────────────────────────────────────────► the held value
      └─ nothing live ─► bring ─► one flight per process ─► lease ─► fetch ─► save, fenced ─► the new value
                                                              └─ somebody else has it ─► wait for the version
                                                              to grow

The lease makes one writer of all processes. Its fence makes a writer harmless that fell asleep and woke up
after its lease: what it fetched is not stored over what came later.
"""

import asyncio
import contextlib

from lingpai.core.clock import end_after
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, CredentialKey, Generation, Lease, Trouble
from lingpai.keeper.counters import FETCHES, MISSES, hit
from lingpai.keeper.fetching import FetchFailed, fetch_ticket, fetch_token
from lingpai.keeper.keeper import App, Keeper, log
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Fault, Repeat, Severity
from lingpai.keeper.schedule import next_renewal
from lingpai.keeper.troubles import error_of, trouble_after
from lingpai.store.port import Fetched

LEAST_REST = 1.0
"""A value with less than a whole second left is not handed out: callers are told whole seconds."""

SHORT_WAIT = 2.5
"""A caller waits this long for the next attempt, rather than get an error that the next attempt would have mended."""

POLL = 0.25

OVERLAP_SHARE = 24
"""The platforms' 300 s of 7200 s; a platform that hands out shorter lives is not trusted with a longer overlap."""


def live(keeper: Keeper, generation: Generation | None) -> bool:
    """Whether a generation can still be handed out."""
    return generation is not None and generation.end.remaining(keeper.clock) >= LEAST_REST


def current_of(credential: Credential) -> Generation:
    """The current generation of a credential that `hold` returned."""
    if credential.current is None:
        raise AssertionError("hold returns credentials that hold something")
    return credential.current


async def hold(keeper: Keeper, app: App, kind: str) -> Credential:
    """The credential of this kind with a live current generation: the held one, or one that is fetched now.

    Args:
        keeper: the keeper.
        app: for whom; its caller is allowed.
        kind: "access_token" or one of the platform's tickets.

    Raises:
        LingpaiError: UPSTREAM_REFUSED, UPSTREAM_UNAVAILABLE or BUDGET_SPENT when nothing lives and nothing
            can be fetched.
    """
    credential = await keeper.store.read_credential(app.key(kind))
    if credential is not None and not credential.suspect and live(keeper, credential.current):
        hit(app.platform.name, kind)()
        if (
            not app.configured
            and credential.renew is not None
            and credential.renew.remaining(keeper.clock) <= 0
        ):
            start_ahead(keeper, app, kind)
        return credential
    MISSES.labels(app.platform.name, kind).inc()
    try:
        return await bring(keeper, app, kind)
    except LingpaiError:
        if credential is not None and live(keeper, credential.current):
            return credential  # suspect, but not known to be dead: better than an error
        raise


async def bring(keeper: Keeper, app: App, kind: str, dead: Generation | None = None) -> Credential:
    """A credential newer than what is held now; all callers of this process share one flight.

    Raises:
        LingpaiError: as `hold`.
    """
    key = app.key(kind)
    flight = keeper.flights.get(key)
    if flight is None:
        flight = asyncio.create_task(_bring(keeper, app, kind, dead))
        keeper.flights[key] = flight
        flight.add_done_callback(lambda done: _land(keeper, app, kind, done))
    return await asyncio.shield(flight)


def _land(keeper: Keeper, app: App, kind: str, flight: "asyncio.Task[Credential]") -> None:
    keeper.flights.pop(app.key(kind), None)
    if not flight.cancelled():
        flight.exception()  # seen: every waiter may have gone away meanwhile


async def _bring(keeper: Keeper, app: App, kind: str, dead: Generation | None) -> Credential:
    key = app.key(kind)
    credential = await keeper.store.read_credential(key)
    seen = credential.version if credential is not None else 0
    give_up = keeper.clock.steady() + keeper.options.patience
    while True:
        if credential is not None:
            if live(keeper, credential.current) and (credential.version > seen or not credential.suspect):
                return credential
            if await _must_wait(keeper, credential, give_up):
                credential = await keeper.store.read_credential(key)
                continue
        token = None if kind == ACCESS_TOKEN else await hold(keeper, app, ACCESS_TOKEN)
        attempt = await keeper.store.acquire_lease(key, keeper.holder, seen, keeper.options.lease)
        credential = attempt.credential
        if attempt.lease is not None:
            saved = await _renew(keeper, app, attempt.lease, credential, token, dead)
            if saved is not None and live(keeper, saved.current):
                return saved
            if (
                saved is not None
            ):  # the same again with less than a second left: the next one comes at its end
                await keeper.clock.sleep(LEAST_REST)
        elif credential.version > seen and not live(keeper, credential.current):
            seen = credential.version
        elif keeper.clock.steady() >= give_up:
            raise LingpaiError(
                Kind.UPSTREAM_UNAVAILABLE,
                "Another worker is fetching this and has not finished yet; try again.",
                retry_after=1,
            )
        else:
            await keeper.store.wait_change(POLL)
        credential = await keeper.store.read_credential(key)


async def _must_wait(keeper: Keeper, credential: Credential, give_up: float) -> bool:
    """Whether the trouble of a credential forbids an attempt now.

    Waits when that is short, raises when it is not.
    """
    if credential.trouble is None:
        return False
    wait = credential.trouble.retry.remaining(keeper.clock)
    if wait <= 0:
        return False
    if credential.trouble.permanent or wait > SHORT_WAIT or keeper.clock.steady() + wait > give_up:
        raise error_of(credential.trouble, keeper.clock)
    await keeper.clock.sleep(wait)
    return True


async def renew_ahead(keeper: Keeper, app: App, kind: str) -> None:
    """Renew a credential before its end, if nobody else is at it.

    Failures are noted in the store, not raised.
    """
    key = app.key(kind)
    credential = await keeper.store.read_credential(key)
    seen = credential.version if credential is not None else 0
    attempt = await keeper.store.acquire_lease(key, keeper.holder, seen, keeper.options.lease)
    if attempt.lease is None:
        return
    token = None
    try:
        if kind != ACCESS_TOKEN:
            token = await hold(keeper, app, ACCESS_TOKEN)
    except LingpaiError as error:
        failure = FetchFailed(Fault(Severity.TRANSIENT, error.retry_after or 0), error.code, error.reason)
        await _note(keeper, app, attempt.lease, attempt.credential, failure)
        return
    with contextlib.suppress(LingpaiError):  # it is noted and logged
        await _renew(keeper, app, attempt.lease, attempt.credential, token, None)


def start_ahead(keeper: Keeper, app: App, kind: str) -> asyncio.Task[None]:
    """Start `renew_ahead` in the background, once at a time for each credential."""
    key = app.key(kind)
    task = keeper.ahead.get(key)
    if task is None:
        task = keeper.ahead[key] = asyncio.create_task(renew_ahead(keeper, app, kind))
        task.add_done_callback(lambda done: _arrive(keeper, key, done))
    return task


def _arrive(keeper: Keeper, key: CredentialKey, task: asyncio.Task[None]) -> None:
    keeper.ahead.pop(key, None)
    if not task.cancelled() and isinstance(failure := task.exception(), Exception):
        log.warning(
            "renewal_failed", platform=key.platform, account=key.account, error=type(failure).__name__
        )


async def _renew(
    keeper: Keeper,
    app: App,
    lease: Lease,
    credential: Credential,
    token: Credential | None,
    dead: Generation | None,
) -> Credential | None:
    """Fetch under a lease and save.

    None when another try makes sense: the lease was overtaken, or the token had died.
    """
    kind = credential.key.kind
    try:
        if token is None:
            fetched = await fetch_token(keeper, app, dead)
        else:
            fetched = await fetch_ticket(keeper, app, kind, current_of(token).value)
    except FetchFailed as failure:
        if failure.fault.severity is Severity.DEAD_TOKEN and token is not None:
            await _replace_token(keeper, app, lease, token, failure)
            return None
        trouble = await _note(keeper, app, lease, credential, failure)
        raise error_of(trouble, keeper.clock) from failure
    except BaseException:
        await asyncio.shield(keeper.store.release_lease(lease))
        raise
    return await _save(keeper, app, lease, credential, fetched)


async def _save(
    keeper: Keeper, app: App, lease: Lease, credential: Credential, fetched: Fetched
) -> Credential | None:
    kind = credential.key.kind
    call = app.platform.mode(app.mode)
    repeat = call.repeat if kind == ACCESS_TOKEN else Repeat.SAME_UNTIL_END
    overlap = min(call.overlap, fetched.lifetime / OVERLAP_SHARE) if kind == ACCESS_TOKEN else 0
    same = credential.current is not None and credential.current.value == fetched.value
    saved = await keeper.store.save_generation(
        lease,
        fetched,
        previous_end=end_after(keeper.clock, overlap),
        renew=next_renewal(keeper.clock, repeat, overlap, fetched, same=same),
    )
    outcome = "overtaken" if saved is None else "same" if same else "ok"
    FETCHES.labels(app.platform.name, kind, outcome).inc()
    log.info(
        "fetched",
        platform=app.platform.name,
        account=app.account,
        kind=kind,
        outcome=outcome,
        version=saved.version if saved is not None else None,
        expires_in=int(fetched.lifetime),
    )
    if saved is None and repeat is Repeat.KILLS_OLD:
        # What we fetched too late may be the newest for the upstream, and then what is stored dies within the overlap.
        stored = await keeper.store.read_credential(credential.key)
        if stored is not None:
            await keeper.store.mark_suspect(credential.key, stored.version)
    return saved


async def _replace_token(
    keeper: Keeper, app: App, lease: Lease, token: Credential, failure: FetchFailed
) -> None:
    """The ticket call says that the access token is dead: renew that first (upstream-wechat.md §1.4)."""
    await keeper.store.release_lease(lease)
    dead = current_of(token)
    if not await keeper.store.mark_suspect(token.key, dead.version):
        stored = await keeper.store.read_credential(token.key)
        if stored is not None and stored.version == dead.version:
            raise LingpaiError(Kind.UPSTREAM_REFUSED, failure.message, code=failure.code, retry_after=5)
        return
    renewed = await bring(keeper, app, ACCESS_TOKEN, dead)
    if current_of(renewed).value == dead.value:
        raise LingpaiError(Kind.UPSTREAM_REFUSED, failure.message, code=failure.code, retry_after=5)


async def _note(
    keeper: Keeper, app: App, lease: Lease, credential: Credential, failure: FetchFailed
) -> Trouble:
    trouble = trouble_after(
        keeper.clock, keeper.options, credential, failure.fault, failure.code, failure.message
    )
    await keeper.store.save_trouble(lease, trouble, renew=trouble.retry)
    outcome = "budget" if trouble.permanent and trouble.code is None else failure.fault.severity.value
    FETCHES.labels(app.platform.name, credential.key.kind, outcome).inc()
    write = log.error if trouble.permanent and app.configured else log.warning
    write(
        "breaker_open" if trouble.permanent else "fetch_failed",
        platform=app.platform.name,
        account=app.account,
        kind=credential.key.kind,
        errcode=failure.code,
        reason=failure.message,
        failures=trouble.count,
        retry_in=int(trouble.retry.remaining(keeper.clock)),
    )
    return trouble
