"""The background: renewing ahead of need and tidying up, by one worker of all."""

import asyncio

from lingpai.core.errors import LingpaiError
from lingpai.core.keyring import KeyRingError
from lingpai.core.records import CredentialKey
from lingpai.core.seals import SealError
from lingpai.keeper.credentials import start_ahead
from lingpai.keeper.keeper import App, Keeper, log
from lingpai.keeper.platforms.platform import ACCESS_TOKEN

ROLE = "renewal"
ROLE_TTL = 15.0
ROLE_EVERY = 5.0
PURGE_EVERY = 60.0
PURGE_LIMIT = 500
STORE_DOWN_WAIT = 2.0


async def run(keeper: Keeper) -> None:
    """Renew what is due, until cancelled.

    Every worker runs this; only the one that holds the role does anything.
    """
    leading_until = tidied_at = float("-inf")
    try:
        while True:
            try:
                now = keeper.clock.steady()
                if now >= leading_until - ROLE_TTL + ROLE_EVERY:
                    leads = await keeper.store.lead(ROLE, keeper.holder, ROLE_TTL)
                    leading_until = now + ROLE_TTL if leads else float("-inf")
                if now < leading_until:
                    await renew_due(keeper)
                if now < leading_until and now - tidied_at >= PURGE_EVERY:
                    tidied_at = now
                    await keeper.store.purge(PURGE_LIMIT)
                    if keeper.reconcile is not None:
                        keeper.reconcile()
                if now - keeper.audit.flushed_at >= PURGE_EVERY:
                    keeper.audit.flush(now)
            except LingpaiError as error:
                log.warning("background_paused", error=error.kind.value, retry_in=STORE_DOWN_WAIT)
                await keeper.clock.sleep(STORE_DOWN_WAIT)
            except Exception:  # noqa: BLE001  nothing may end the background: tokens would run out one by one
                log.exception("background_failed")
            await keeper.clock.sleep(keeper.options.tick)
    finally:
        await asyncio.shield(keeper.store.resign(ROLE, keeper.holder))


async def renew_due(keeper: Keeper) -> int:
    """Renew all that is due now, some at a time; returns how many were tried."""
    tried: set[CredentialKey] = set()
    while True:
        # What could not be tried stays due, and must not hide what is due behind it.
        due = await keeper.store.due_credentials(keeper.options.renewals_at_once + len(tried))
        fresh = [key for key in due if key not in tried][: keeper.options.renewals_at_once]
        if not fresh:
            return len(tried)
        tried.update(fresh)
        await asyncio.gather(*(_renew(keeper, key) for key in fresh))


async def _renew(keeper: Keeper, key: CredentialKey) -> None:
    try:
        app = await _app_of(keeper, key)
    except (SealError, KeyRingError):  # a secret that does not open must not hold up the others
        log.exception("account_unreadable", platform=key.platform, account=key.account)
        return
    if app is not None:
        await asyncio.wait([start_ahead(keeper, app, key.kind)])  # it logs its own failure


async def _app_of(keeper: Keeper, key: CredentialKey) -> App | None:
    for account in await keeper.store.find_accounts(key.platform, key.account):
        if account.platform in keeper.platforms:
            app = keeper.app_of(account)
            if app.digest == key.secret_digest and _is_renewed(app, key.kind):
                return app
    return None


def _is_renewed(app: App, kind: str) -> bool:
    return app.platform.takes(kind) and not (kind == ACCESS_TOKEN and app.tokenless)
