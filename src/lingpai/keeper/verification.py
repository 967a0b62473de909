"""Verifying a token for a caller that fetches it again and again, see `doubts.py`."""

import asyncio
import contextlib

from lingpai.core.errors import LingpaiError
from lingpai.core.records import Credential
from lingpai.keeper.app import App
from lingpai.keeper.budgets import take
from lingpai.keeper.credentials import SUSPECT_WAIT
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.reporting import DAY, report

QUESTIONS_A_DAY = 200


async def verify(keeper: Keeper, app: App, credential: Credential) -> Credential:
    """Return the credential for a caller in a hurry: this one, or its successor when the platform no longer accepts it.

    Waits for the platform for `SUSPECT_WAIT` seconds at most; the question goes on in the background.
    """
    if app.platform.probe is None:
        return credential
    keeper.doubts.about(credential.key).note_question(credential.version, keeper.clock.steady())
    question = keeper.background.start(_ask(keeper, app, credential))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SUSPECT_WAIT):
            await asyncio.shield(question)
    return await keeper.credentials.get_or_fetch(app, ACCESS_TOKEN)


async def _ask(keeper: Keeper, app: App, credential: Credential) -> None:
    """Report a value within the day's budget; the stored value is served all the same when that cannot be counted."""
    with contextlib.suppress(LingpaiError):
        if await take(keeper, app.subject, "doubts", QUESTIONS_A_DAY, DAY):
            # An occasion of its own: a caller's own report is not answered "checked" because of this.
            await report(keeper, app, credential, current_of(credential).value, "doubt")
