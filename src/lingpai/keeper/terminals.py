"""Tokens of terminals: each begins with a code that a user brought, and lives on by its refresh token."""

from typing import Any

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, Lease
from lingpai.keeper.keeper import App, Keeper
from lingpai.keeper.outcomes import save
from lingpai.keeper.platform_client import SentAt
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, TERMINAL
from lingpai.keeper.refresh_tokens import ANY_VERSION, save_refresh_token
from lingpai.keeper.upstream import Unreachable

POLL = 0.25


async def adopt(keeper: Keeper, app: App, field: str, sent_at: SentAt, answer: dict[str, Any]) -> None:
    """Hold the tokens of a terminal that a code has just brought.

    Args:
        keeper: the keeper.
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
    fetched = sent_at.fetched(answer.get(ACCESS_TOKEN), answer.get("expires_in"))
    refresh_token = sent_at.fetched(answer.get(call.field), call.life)
    # A renewal that is on its way has what these supersede; when it is over, its outcome counts no more.
    lease, credential = await _lease_of(keeper, app, kind)
    await save_refresh_token(keeper, app, kind, refresh_token)
    await save(keeper, app, lease, credential, fetched)


async def _lease_of(keeper: Keeper, app: App, kind: str) -> tuple[Lease, Credential]:
    give_up = keeper.clock.steady() + 2 * keeper.options.lease
    while keeper.clock.steady() < give_up:
        attempt = await keeper.store.acquire_lease(
            app.key(kind), f"{keeper.holder}.{next(keeper.attempts)}", ANY_VERSION, keeper.options.lease
        )
        if attempt.lease is not None:
            return attempt.lease, attempt.credential
        await keeper.store.wait_change(POLL)
    raise LingpaiError(
        Kind.UPSTREAM_UNAVAILABLE, "A renewal of this terminal's tokens does not end; authorise it again."
    )
