"""Tokens of terminals: each is exchanged for a user's code once, and then renewed by its refresh token."""

from typing import Any

from lingpai.keeper.app import App
from lingpai.keeper.context import Context
from lingpai.keeper.outcomes import keep
from lingpai.keeper.platform_client import SentAt
from lingpai.keeper.platforms.platform import TERMINAL
from lingpai.keeper.refresh_tokens import ANY_VERSION, save_refresh_token
from lingpai.keeper.upstream import Unreachable


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
    """
    kind, call = f"{TERMINAL}{answer.get(field)}", app.platform.terminals
    if call is None or not app.platform.takes(kind):
        raise Unreachable(f"a success without a usable {field}")
    fetched = sent_at.fetched_by(call, answer)
    refresh_token = sent_at.fetched(answer.get(call.field), call.life)
    # What a renewal that is on its way has is superseded by these: its outcome counts no more, and that of a process
    # which was killed is not waited for, as the code brings them once.
    await save_refresh_token(context, app, kind, refresh_token)
    await keep(context, app, kind, fetched, ANY_VERSION)
