"""The outcome of a fetch under a lease: a value to save, or a failure to note."""

import dataclasses

from lingpai.core.records import Credential, Generation, Lease, Trouble
from lingpai.keeper.app import App
from lingpai.keeper.context import Context, log
from lingpai.keeper.counters import FETCHES
from lingpai.keeper.failures import FetchFailed, trouble_after
from lingpai.keeper.fetching import is_dead
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Repeat, kind_label
from lingpai.keeper.schedule import next_renewal
from lingpai.store.port import Fetched


async def save(
    context: Context,
    app: App,
    lease: Lease,
    credential: Credential,
    fetched: Fetched,
    dead: Generation | None = None,
) -> Credential | None:
    """Save what was fetched, and give the lease back.

    Args:
        context: the keeper's.
        app: for whom.
        lease: under which it was fetched.
        credential: as it was before.
        fetched: what came.
        dead: the generation that the upstream was found not to take any more, if that is why.

    Returns:
        The credential as it is now, or None when the lease was overtaken: then nothing was kept.
    """
    kind = credential.key.kind
    way = app.platform.renewed(kind, app.mode)
    overlap = way.overlap_of(fetched.lifetime)
    remains = 0 if _is_gone(lease, credential, way.repeat, dead) else overlap
    same = credential.current is not None and credential.current.value == fetched.value
    # What was not given anew for us may be late in its life, which then says nothing of how long a life is.
    is_whole = credential.current is not None and not same
    saved = await context.store.save_generation(
        lease,
        fetched,
        # Counted from before the request was sent, as the lifetime itself.
        previous_end=fetched.end.earlier(fetched.lifetime - remains),
        renew=next_renewal(context.clock, way, overlap if is_whole else way.overlap, fetched, same=same),
    )
    _announce(context, app, kind, fetched, saved, "same" if same else "ok")
    if saved is None and way.repeat is Repeat.KILLS_OLD:
        # What we fetched too late may be the newest for the upstream, and then what is stored dies within the overlap.
        stored = await context.store.read_credential(credential.key)
        if stored is not None:
            await context.store.mark_suspect(credential.key, stored.version)
    return saved


async def keep(
    context: Context, app: App, kind: str, fetched: Fetched, seen: int | None = None
) -> Credential | None:
    """Save a token that came without being fetched: with a merchant's authorization, or for a user's code.

    Args:
        context: the keeper's.
        app: for whom.
        kind: of the token.
        fetched: what came.
        seen: as in `Store.put_generation`, whose rule decides; no lease is needed, and any is overtaken.

    Returns:
        The credential as it is now, or None when a newer one is stored.
    """
    way = app.platform.renewed(kind, app.mode)
    overlap = way.overlap_of(fetched.lifetime)
    saved = await context.store.put_generation(
        app.key(kind),
        fetched,
        previous_end=fetched.end.earlier(fetched.lifetime - overlap),
        renew=next_renewal(context.clock, way, overlap, fetched, same=False),
        seen=seen,
    )
    _announce(context, app, kind, fetched, saved, "ok")
    return saved


def _announce(
    context: Context, app: App, kind: str, fetched: Fetched, saved: Credential | None, outcome: str
) -> None:
    """Count, log and publish what was saved; None when the lease was overtaken."""
    outcome = outcome if saved is not None else "overtaken"
    FETCHES.labels(app.platform.name, kind_label(kind), outcome).inc()
    log.info(
        "fetched",
        platform=app.platform.name,
        account=app.account,
        kind=kind,
        outcome=outcome,
        version=saved.version if saved is not None else None,
        expires_in=int(fetched.lifetime),
    )
    if saved is not None and context.publish is not None:
        context.publish(saved)


def _is_gone(lease: Lease, credential: Credential, repeat: Repeat, dead: Generation | None) -> bool:
    """Return whether the upstream no longer accepts the generation before the fetched one, as far as we know."""
    current, trouble = credential.current, credential.trouble
    if current is None:
        return False
    if dead is not None and dead.value == current.value:
        return True
    # An answer that was lost may have had a token in it, and of three tokens only the newest two live. Of several
    # troubles only the last one is known.
    unheard = trouble is not None and (trouble.count > 1 or (trouble.code is None and not trouble.permanent))
    return repeat is Repeat.KILLS_OLD and (lease.took_over or unheard)


async def end_if_replaced(context: Context, app: App, credential: Credential, trouble: Trouble) -> None:
    """End the stored token if calls whose answers were lost have replaced it, as the upstream says when it is asked.

    Of three tokens only the newest two live, and nobody has the newer ones.
    """
    current = credential.current
    lost = trouble.code is None and not trouble.permanent and trouble.count > 1
    if current is None or not lost or credential.key.kind != ACCESS_TOKEN:
        return
    if (
        app.platform.renewed(ACCESS_TOKEN, app.mode).repeat is not Repeat.KILLS_OLD
        or current.end.remaining(context.clock) <= 0
    ):
        return
    if await is_dead(context, app, current.value):
        await context.store.end_generation(credential.key, current.version)


async def note(
    context: Context, app: App, lease: Lease, credential: Credential, failure: FetchFailed
) -> Trouble:
    """Save why a fetch failed, log it, and give the lease back; the stored value stays."""
    cap = app.platform.backoff_cap or context.options.backoff_cap
    options = dataclasses.replace(context.options, backoff_cap=cap)
    trouble = trouble_after(context.clock, options, credential, failure)
    await context.store.save_trouble(lease, trouble, renew=trouble.retry)
    outcome = "budget" if trouble.permanent and trouble.code is None else failure.fault.severity.value
    FETCHES.labels(app.platform.name, kind_label(credential.key.kind), outcome).inc()
    write = log.error if trouble.permanent and app.configured else log.warning
    write(
        "breaker_open" if trouble.permanent else "fetch_failed",
        platform=app.platform.name,
        account=app.account,
        kind=credential.key.kind,
        errcode=failure.code,
        reason=failure.message,
        failures=trouble.count,
        retry_in=int(trouble.retry.remaining(context.clock)),
    )
    return trouble
