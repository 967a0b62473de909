"""Now and then the leader asks each third-party platform which merchants it acts for: what was lost is found so."""

import contextlib

from lingpai.core.errors import LingpaiError
from lingpai.keeper.app import App
from lingpai.keeper.budgets import first_in
from lingpai.keeper.context import log
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.third_parties.adopting import recover
from lingpai.keeper.upstream import Refusal, Unreachable

RECOVER_EVERY = 3_600.0
"""Seconds between two questions."""


async def recover_all(keeper: Keeper) -> None:
    """Begin to ask each third-party platform that was not asked within the hour.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    listing = {
        name for name, each in keeper.platforms.items() if each.third_party and each.third_party.listing
    }
    for account in await keeper.store.list_accounts():
        if account.platform not in listing:
            continue
        provider = keeper.app_of(account)
        if await first_in(keeper, provider.subject, "recover", RECOVER_EVERY):
            keeper.background.start(_recover(keeper, provider))


async def _recover(keeper: Keeper, provider: App) -> None:
    with contextlib.suppress(
        LingpaiError, Refusal, Unreachable
    ):  # the token's trouble is noted; asked again later
        for name in await recover(keeper, provider):
            log.warning("merchant_found", account=name)
