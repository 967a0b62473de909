"""A fetch under a lease: the value is saved, or its failure noted, and the lease given back."""

import asyncio
from collections.abc import Awaitable, Callable

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, Generation, Lease
from lingpai.keeper.app import App
from lingpai.keeper.context import Context, log
from lingpai.keeper.failures import STOPPED, UNFORESEEN, FetchFailed, error_of, failure_without_token
from lingpai.keeper.fetching import fetch_ticket, fetch_token, is_dead
from lingpai.keeper.outcomes import end_if_replaced, note, save
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Severity
from lingpai.keeper.platforms.third_party import ThirdParty
from lingpai.keeper.third_parties.merchants import fetch_merchant
from lingpai.keeper.third_parties.tickets import fetch_pushed, have_pushed, needs_ticket
from lingpai.store.port import Fetched

RenewToken = Callable[[Generation], Awaitable[Generation]]
"""Returns an access token newer than the dead one that it takes."""

_OF_THE_UPSTREAM = frozenset({Kind.UPSTREAM_REFUSED, Kind.UPSTREAM_UNAVAILABLE, Kind.BUDGET_SPENT})
"""Errors of the token that a ticket needs; after any other, the upstream was not asked for anything."""


async def fetch_under_lease(
    context: Context,
    app: App,
    lease: Lease,
    credential: Credential,
    fetch: Callable[[Generation | None], Awaitable[Fetched]],
    dead: Generation | None = None,
) -> Credential | None:
    """Fetch a value and save it, or note why that failed; either gives the lease back.

    Args:
        context: the keeper's.
        app: for whom.
        lease: the right to fetch.
        credential: as it was when the lease was granted.
        fetch: fetches the value; its argument is the generation that the upstream no longer accepts, if one is known.
        dead: that generation, when the caller knows it.

    Returns:
        The saved credential, or None when another process overtook the lease.

    Raises:
        LingpaiError: UPSTREAM_REFUSED, UPSTREAM_UNAVAILABLE or BUDGET_SPENT; and what `fetch` raises.
    """
    if dead is None and credential.current is not None and credential.current.found_dead:
        dead = credential.current
    try:
        fetched = await fetch(dead)
    except FetchFailed as failure:
        trouble = await note(context, app, lease, credential, failure)
        await end_if_replaced(context, app, credential, trouble)
        raise error_of(trouble, context.clock) from failure
    except asyncio.CancelledError:
        # The lost answer may have a token in it: the next fetch must know, see `outcomes`.
        await note(context, app, lease, credential, STOPPED)
        raise
    except LingpaiError as error:
        if error.kind not in _OF_THE_UPSTREAM:
            await asyncio.shield(context.store.release_lease(lease))
        else:
            await note(context, app, lease, credential, failure_without_token(error))
        raise
    except Exception:
        # Not foreseen, so it would happen again at once, and again: it waits like any other failure.
        log.exception(
            "fetch_crashed", platform=app.platform.name, account=app.account, kind=credential.key.kind
        )
        await note(context, app, lease, credential, UNFORESEEN)
        raise
    return await save(context, app, lease, credential, fetched, dead)


def fetch_of(
    context: Context, app: App, kind: str, token: Generation | None, renew_token: RenewToken
) -> Callable[[Generation | None], Awaitable[Fetched]]:
    """Return what fetches a value of this kind.

    Args:
        context: the keeper's.
        app: for whom.
        kind: an access token, a terminal's token or a ticket.
        token: the live access token that a ticket needs, or the third-party platform's that the token of a merchant's
            account needs; None for other kinds.
        renew_token: called when the upstream no longer accepts `token`.
    """
    third = app.platform.third_party

    async def fetch(dead: Generation | None) -> Fetched:
        if third is not None and kind == third.ticket.kind:
            return await fetch_pushed(context, app, third)
        if token is not None and kind == ACCESS_TOKEN:
            return await fetch_merchant(context, app, token, renew_token)
        if third is not None:
            return await _fetch_with_ticket(context, app, third, dead)
        if token is None:
            return await fetch_token(context, app, kind, dead)
        return await _fetch_ticket(context, app, kind, token, renew_token)

    return fetch


async def _fetch_with_ticket(
    context: Context, app: App, third: ThirdParty, dead: Generation | None
) -> Fetched:
    """Fetch a third-party platform's token; when its ticket is none any more, have another one pushed.

    Raises:
        FetchFailed: nothing usable came.
    """
    try:
        return await fetch_token(context, app, ACCESS_TOKEN, dead)
    except FetchFailed as failure:
        if needs_ticket(third, failure):
            await have_pushed(context, app, third)
        raise


async def _fetch_ticket(
    context: Context, app: App, kind: str, token: Generation, renew_token: RenewToken
) -> Fetched:
    """Fetch a ticket; when the upstream refuses the token as dead, renew that and try once more.

    Raises:
        FetchFailed: nothing usable came.
        LingpaiError: the token could not be renewed.
    """
    try:
        return await fetch_ticket(context, app, kind, token.value)
    except FetchFailed as failure:
        if failure.fault.severity is not Severity.DEAD_TOKEN:
            raise
        # A ticket call that refuses a live token must not cost all callers their token again and again.
        dead = await is_dead(context, app, token.value)
        if dead is False:
            raise
    end = context.store.end_generation if dead else context.store.mark_suspect
    await end(app.key(ACCESS_TOKEN), token.version)
    return await fetch_ticket(context, app, kind, (await renew_token(token)).value)
