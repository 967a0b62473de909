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

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, CredentialKey, Generation, Lease
from lingpai.keeper.counters import MISSES, hit
from lingpai.keeper.failures import error_of
from lingpai.keeper.fetching import FetchFailed, fetch_first, fetch_ticket, fetch_token, is_dead
from lingpai.keeper.keeper import App, Keeper, log
from lingpai.keeper.outcomes import end_if_gone, note, save
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Fault, Severity, kind_label
from lingpai.keeper.proving import first, is_proven
from lingpai.store.port import Fetched, LeaseAttempt

LEAST_REST = 1.0
"""A value with less than a whole second left is not handed out: callers are told whole seconds."""

SHORT_WAIT = 2.5
"""A caller waits this long for the next attempt, rather than get an error that the next attempt would have mended."""

SUSPECT_WAIT = 2.0
"""Seconds that a caller waits at most for what replaces a value that may well live; it is fetched all the same."""

POLL = 0.25

_UNFORESEEN = FetchFailed(Fault(Severity.TRANSIENT), None, "an unforeseen error of ours; the log has it")
_OF_THE_UPSTREAM = frozenset({Kind.UPSTREAM_REFUSED, Kind.UPSTREAM_UNAVAILABLE, Kind.BUDGET_SPENT})
"""Errors of a token that a ticket takes; whatever else is raised has not asked the upstream for anything."""
_STOPPED = FetchFailed(Fault(Severity.TRANSIENT), None, "the service was stopped before an answer came")

TICKET_WAIT = 30.0
"""Longest wait of a ticket for a token that cannot be had: an operator may mend that before its own next try."""


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
        kind: "access_token", one of the platform's tickets, or that of a terminal.

    Raises:
        LingpaiError: INVALID_PARAMETER when nothing of this kind can be fetched; UPSTREAM_REFUSED,
            UPSTREAM_UNAVAILABLE or BUDGET_SPENT when nothing lives and nothing can be fetched.
    """
    credential = await keeper.store.read_credential(app.key(kind))
    if credential is not None and not credential.suspect and live(keeper, credential.current):
        hit(app.platform.name, kind_label(kind))()
        if not app.configured and _is_due(keeper, credential):
            start_ahead(keeper, app, kind)
        return credential
    _demand_obtainable(app, kind, credential)
    MISSES.labels(app.platform.name, kind_label(kind)).inc()
    if credential is None or not live(keeper, credential.current):
        return await bring(keeper, app, kind)
    try:
        async with asyncio.timeout(SUSPECT_WAIT):
            return await bring(keeper, app, kind)
    except (LingpaiError, TimeoutError) as error:
        # Suspect, but not known to be dead: better than an error. Others may have replaced it, or found it dead.
        credential = await keeper.store.read_credential(app.key(kind))
        if credential is not None and live(keeper, credential.current):
            return credential
        if isinstance(error, LingpaiError):
            raise
    return await bring(keeper, app, kind)


def _demand_obtainable(app: App, kind: str, credential: Credential | None) -> None:
    """Refuse a kind that no call of ours brings: it would leave a row for every name that callers invent."""
    if app.platform.refresh(kind, app.mode) is None:
        return
    if kind == ACCESS_TOKEN and app.tokenless:
        reason = "An app of this mode has no token of its own, only its terminals' (kind=terminal:<number>)."
    elif kind != ACCESS_TOKEN and credential is None:
        reason = (
            "No such terminal was authorised here: exchange its code or key first (POST /v1/exchanges/…)."
        )
    else:
        return
    raise LingpaiError(Kind.INVALID_PARAMETER, reason, parameter="kind")


async def bring(keeper: Keeper, app: App, kind: str, dead: Generation | None = None) -> Credential:
    """A credential newer than what is held now; all callers of this process share one flight.

    Args:
        keeper: the keeper.
        app: for whom.
        kind: as `hold`.
        dead: the generation that the upstream was found not to take any more, if that is why.

    Raises:
        LingpaiError: as `hold`.
    """
    key = app.key(kind)
    flight = keeper.flights.get(key)
    if flight is None:
        flight = asyncio.create_task(_fly(keeper, app, kind, dead))
        keeper.flights[key] = flight
        flight.add_done_callback(lambda done: _land(keeper, app, kind, done))
    return await asyncio.shield(flight)


def _land(keeper: Keeper, app: App, kind: str, flight: "asyncio.Task[Credential]") -> None:
    keeper.flights.pop(app.key(kind), None)
    if not flight.cancelled():
        flight.exception()  # seen: every waiter may have gone away meanwhile


async def _fly(keeper: Keeper, app: App, kind: str, dead: Generation | None) -> Credential:
    begun = await _begin(keeper, app) if kind == ACCESS_TOKEN and not app.configured else None
    return begun or await _bring(keeper, app, kind, dead)


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
        token = await _token_for(keeper, app, kind)
        attempt = await _ask_lease(keeper, key, seen)
        credential = attempt.credential
        if attempt.lease is not None:
            saved = await _renew(keeper, app, attempt.lease, credential, token, dead)
            if saved is not None and live(keeper, saved.current):
                return saved
            if saved is not None:  # it has less than a second left: the next one comes at its end
                _demand_patience(keeper, give_up)
                await keeper.clock.sleep(LEAST_REST)
        elif credential.version > seen and not live(keeper, credential.current):
            seen = credential.version
        else:
            _demand_patience(keeper, give_up)
            await keeper.store.wait_change(POLL)
        credential = await keeper.store.read_credential(key)


async def _begin(keeper: Keeper, app: App) -> Credential | None:
    """Have a secret proven that is not, by its app's first token; None when there is no need.

    Before the lease, which would leave a row behind for each that somebody invents.
    """
    if await is_proven(keeper, app):
        return None

    async def begin() -> Credential:
        fetched = await fetch_first(keeper, app)
        attempt = await _ask_lease(keeper, app.key(ACCESS_TOKEN), 0)
        saved = None
        if attempt.lease is not None:
            saved = await save(keeper, app, attempt.lease, attempt.credential, fetched)
        return saved or attempt.credential

    begun = await first(keeper, app, begin)
    return begun if begun is not None and live(keeper, begun.current) else None


def _demand_patience(keeper: Keeper, give_up: float) -> None:
    if keeper.clock.steady() >= give_up:
        raise LingpaiError(
            Kind.UPSTREAM_UNAVAILABLE,
            "Another worker is fetching this and has not finished yet; try again.",
            retry_after=1,
        )


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


async def _ask_lease(keeper: Keeper, key: CredentialKey, seen: int) -> LeaseAttempt:
    # A holder of its own for each attempt: a caller and the background of one process must not both fetch either.
    holder = f"{keeper.holder}.{next(keeper.attempts)}"
    return await keeper.store.acquire_lease(key, holder, seen, keeper.options.lease)


async def renew_ahead(keeper: Keeper, app: App, kind: str) -> None:
    """Renew a credential that is due, before its end, if nobody else is at it or has done it meanwhile.

    Failures are noted in the store, not raised.
    """
    key = app.key(kind)
    credential = await keeper.store.read_credential(key)
    seen = credential.version if credential is not None else 0
    token = failure = None
    try:
        token = await _token_for(keeper, app, kind)
    except LingpaiError as error:
        failure = _without_token(error)
    attempt = await _ask_lease(keeper, key, seen)
    if attempt.lease is None:
        return
    if not _is_due(keeper, attempt.credential):
        # A caller had it renewed, or failed to, since it was found due. Renewing twice would end the value that clients
        # still hold: of three tokens only the newest two live.
        await keeper.store.release_lease(attempt.lease)
        return
    if failure is not None:
        await note(keeper, app, attempt.lease, attempt.credential, failure)
        return
    with contextlib.suppress(LingpaiError):  # it is noted and logged
        await _renew(keeper, app, attempt.lease, attempt.credential, token, None)


def _without_token(error: LingpaiError) -> FetchFailed:
    """What it means for a ticket that its token cannot be had."""
    wait = min(error.retry_after or 0, TICKET_WAIT)
    return FetchFailed(Fault(Severity.TRANSIENT, wait), error.code, error.detail or error.reason)


def _is_due(keeper: Keeper, credential: Credential) -> bool:
    return credential.renew is not None and credential.renew.remaining(keeper.clock) <= 0


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
    token: Generation | None,
    dead: Generation | None,
) -> Credential | None:
    """Fetch under a lease and save; None when the lease was overtaken.

    It goes on when whoever waits for it ends: see `Keeper.close`.
    """
    task = asyncio.create_task(_fetch_leased(keeper, app, lease, credential, token, dead))
    keeper.leased.add(task)
    task.add_done_callback(lambda done: _finish(keeper, done))
    return await asyncio.shield(task)


def _finish(keeper: Keeper, task: "asyncio.Task[Credential | None]") -> None:
    keeper.leased.discard(task)
    if not task.cancelled():
        task.exception()  # seen: whoever waited for it may have ended before


async def _fetch_leased(
    keeper: Keeper,
    app: App,
    lease: Lease,
    credential: Credential,
    token: Generation | None,
    dead: Generation | None,
) -> Credential | None:
    if dead is None and credential.current is not None and credential.current.found_dead:
        dead = credential.current
    try:
        if token is None:
            fetched = await fetch_token(keeper, app, credential.key.kind, dead)
        else:
            fetched = await _fetch_ticket(keeper, app, credential.key.kind, token)
    except FetchFailed as failure:
        trouble = await note(keeper, app, lease, credential, failure)
        await end_if_gone(keeper, app, credential, trouble)
        raise error_of(trouble, keeper.clock) from failure
    except asyncio.CancelledError:
        # What was lost on the way may hold a token: whoever fetches next must know, see `outcomes`.
        await note(keeper, app, lease, credential, _STOPPED)
        raise
    except LingpaiError as error:
        if error.kind not in _OF_THE_UPSTREAM:
            await asyncio.shield(keeper.store.release_lease(lease))
        else:
            await note(keeper, app, lease, credential, _without_token(error))
        raise
    except Exception:
        # Not foreseen, so it would happen again at once, and again: it waits like any other failure.
        log.exception(
            "fetch_crashed", platform=app.platform.name, account=app.account, kind=credential.key.kind
        )
        await note(keeper, app, lease, credential, _UNFORESEEN)
        raise
    return await save(keeper, app, lease, credential, fetched, dead)


async def _token_for(keeper: Keeper, app: App, kind: str) -> Generation | None:
    """The live access token that fetching this kind takes, or None when it takes none."""
    return current_of(await hold(keeper, app, ACCESS_TOKEN)) if kind in app.platform.tickets else None


async def _fetch_ticket(keeper: Keeper, app: App, kind: str, token: Generation) -> Fetched:
    """Fetch a ticket; when the token was found dead, renew that and try once more (upstream-wechat.md §1.4).

    Raises:
        FetchFailed: nothing usable came.
    """
    try:
        return await fetch_ticket(keeper, app, kind, token.value)
    except FetchFailed as failure:
        if failure.fault.severity is not Severity.DEAD_TOKEN:
            raise
        # A ticket call that says so without reason must not cost all callers their token again and again.
        dead = await is_dead(keeper, app, token.value)
        if dead is False:
            raise
    mark = keeper.store.end_generation if dead else keeper.store.mark_suspect
    await mark(app.key(ACCESS_TOKEN), token.version)
    renewed = current_of(await bring(keeper, app, ACCESS_TOKEN, token))
    return await fetch_ticket(keeper, app, kind, renewed.value)
