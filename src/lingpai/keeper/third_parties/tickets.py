"""Tickets that platforms push: kept with their true end, asked for again when they are late."""

from lingpai.core.clock import End
from lingpai.core.records import Credential
from lingpai.keeper.app import App
from lingpai.keeper.budgets import first_in
from lingpai.keeper.context import Context, log
from lingpai.keeper.failures import TRANSIENT, FetchFailed
from lingpai.keeper.platform_client import call_platform
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Fault, Severity
from lingpai.keeper.platforms.third_party import ThirdParty
from lingpai.keeper.upstream import Refusal, Unreachable
from lingpai.store.port import Fetched

RESTART_APART = 600.0
"""Seconds between two requests that tickets be pushed again: that is how often the platform pushes them."""


async def keep_ticket(
    context: Context, app: App, third: ThirdParty, value: str, made_at: float
) -> Credential | None:
    """Store a ticket that was pushed; None when a newer one is stored already.

    Args:
        context: the keeper's.
        app: the third-party platform.
        third: how its platform works.
        value: the ticket.
        made_at: unix time in seconds at which the platform made it; one that lies ahead counts as now.
    """
    ticket, clock = third.ticket, context.clock
    ahead = min(made_at, clock.now()) - clock.now()
    end = End(clock.now() + ahead + ticket.life, clock.steady() + ahead + ticket.life, clock.epoch)
    late = End(clock.now() + ticket.late, clock.steady() + ticket.late, clock.epoch)
    fetched = Fetched(value, end, ticket.life, min(made_at, clock.now()))
    kept = await context.store.put_generation(app.key(ticket.kind), fetched, previous_end=end, renew=late)
    if kept is None:
        return None
    token = await context.store.read_credential(app.key(ACCESS_TOKEN))
    if token is not None and token.trouble is not None and token.trouble.code in {None, *ticket.spent}:
        await context.store.forget_trouble(app.key(ACCESS_TOKEN))
    return kept


async def fetch_pushed(context: Context, app: App, third: ThirdParty) -> Fetched:
    """Have a late ticket pushed again; it comes by a push of its own.

    Raises:
        FetchFailed: always: nothing is there yet.
    """
    await have_pushed(context, app, third)
    wait = Fault(Severity.TRANSIENT, RESTART_APART)
    minutes = int(third.ticket.late // 60)
    raise FetchFailed(wait, None, f"the platform has pushed no {third.ticket.kind} for {minutes} minutes")


async def have_pushed(context: Context, app: App, third: ThirdParty) -> None:
    """Ask the platform to push its ticket, where it has such a call, and not too often."""
    if third.restart is None or not await first_in(context, app.subject, "restart", RESTART_APART):
        return
    fields = third.restart.request(app.account, app.secret)
    try:
        await call_platform(context, app, third.restart.method, third.restart.path, fields)
    except (Refusal, Unreachable) as error:
        log.warning(
            "restart_failed", platform=app.platform.name, account=app.account, error=type(error).__name__
        )
    else:
        log.info("restarted", platform=app.platform.name, account=app.account)


def needs_ticket(third: ThirdParty, failure: FetchFailed) -> bool:
    """Return whether a token could not be fetched because there is no good ticket."""
    return failure.code in third.ticket.spent or (failure.code is None and failure.fault == TRANSIENT)
