"""Tokens of terminals: each is exchanged for a user's code once, and then renewed by its refresh token."""

from typing import Any

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, Lease
from lingpai.keeper.app import App
from lingpai.keeper.context import Context
from lingpai.keeper.outcomes import save
from lingpai.keeper.platform_client import SentAt
from lingpai.keeper.platforms.platform import TERMINAL
from lingpai.keeper.refresh_tokens import ANY_VERSION, save_refresh_token
from lingpai.keeper.upstream import Unreachable

POLL = 0.25


async def adopt(context: Context, app: App, field: str, sent_at: SentAt, answer: dict[str, Any]) -> None:
    """Save the tokens of a terminal that a code was just exchanged for.

    Args:
        context: the keeper's.
        app: for whom; its platform has terminals.
        field: of the answer, that names the terminal.
        sent_at: when they were asked for.
        answer: what the platform sent.

    Raises:
        Unreachable: the answer lacks something.
        LingpaiError: UPSTREAM_UNAVAILABLE when a renewal of the terminal's earlier tokens did not end.
    """
    kind, call = f"{TERMINAL}{answer.get(field)}", app.platform.terminals
    if call is None or not app.platform.takes(kind):
        raise Unreachable(f"a success without a usable {field}")
    fetched = sent_at.fetched_by(call, answer)
    refresh_token = sent_at.fetched(answer.get(call.field), call.life)
    # A renewal that is on its way has what these supersede; when it is over, its outcome counts no more.
    lease, credential = await _lease_of(context, app, kind)
    await save_refresh_token(context, app, kind, refresh_token)
    await save(context, app, lease, credential, fetched)


async def _lease_of(context: Context, app: App, kind: str) -> tuple[Lease, Credential]:
    give_up = context.clock.steady() + 2 * context.options.lease
    while context.clock.steady() < give_up:
        attempt = await context.store.acquire_lease(
            app.key(kind), context.lease_holder(), ANY_VERSION, context.options.lease
        )
        if attempt.lease is not None:
            return attempt.lease, attempt.credential
        await context.store.wait_change(POLL)
    raise LingpaiError(
        Kind.UPSTREAM_UNAVAILABLE,
        "A renewal of this terminal's tokens was never finished; authorise the terminal again.",
    )
