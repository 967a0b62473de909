"""A merchant's account becomes one of ours when it is authorised, and goes when the merchant withdraws."""

import msgspec

from lingpai.core.records import Account
from lingpai.core.seals import Digester
from lingpai.core.third_parties import Via
from lingpai.keeper.administration import remove_account
from lingpai.keeper.app import App
from lingpai.keeper.context import Context, log
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.outcomes import keep
from lingpai.keeper.platform_client import SentAt
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.platforms.third_party import Grant, Listed
from lingpai.keeper.third_parties.calls import ask_with_token
from lingpai.keeper.third_parties.merchants import keep_refresh_token
from lingpai.keeper.third_parties.providers import acts_for, merchants_of, third_party_of

MERCHANT_SOURCE = "merchant"
"""The source of accounts that merchants authorised."""
_ATTEMPTS = 16
_MOST_PAGES = 1_000


async def adopt(
    context: Context, provider: App, grant: Grant, sent_at: SentAt, since: float, brought_by: str = ""
) -> str:
    """Store what a merchant's code was exchanged for, and the account; return its name.

    The refresh token comes first: with it all else can be had again. Of two that are at it, both store the same.

    Args:
        context: the keeper's.
        provider: the third-party platform.
        grant: what it was exchanged for.
        sent_at: when it was asked for.
        since: unix time in seconds of the authorization.
        brought_by: digest of what brought the code, or "".
    """
    app = _app_of(context, provider, grant)
    if await _is_our_own(context, app):
        log.error("merchant_is_configured", platform=app.platform.name, account=app.account)
        return app.full_name
    if grant.refresh_token:
        await keep_refresh_token(context, app, sent_at, grant.refresh_token)
    await _save_account(context, app, grant, since, brought_by)
    if grant.token:
        await keep(context, app, ACCESS_TOKEN, sent_at.fetched(grant.token, grant.lifetime))
    log.info("merchant_authorized", platform=app.platform.name, account=app.account)
    return app.full_name


async def update(context: Context, provider: App, account: Account, grant: Grant) -> None:
    """Store what a merchant allows now."""
    if account.via is None or not acts_for(provider, account):
        return
    via = msgspec.structs.replace(account.via, rights=grant.rights, name=grant.name or account.via.name)
    if via != account.via:
        await context.store.replace_account(account, msgspec.structs.replace(account, via=via))


async def withdraw(context: Context, provider: App, merchant: str, at: float) -> bool:
    """Forget a merchant's account, with its tokens, if it was not authorised again after `at` (unix seconds)."""
    third = third_party_of(provider)
    label = third.label(provider.account)
    for account in await context.store.find_accounts(third.merchants, merchant):
        if account.label == label and acts_for(provider, account) and account.via is not None:
            if account.via.since > at:
                return False
            log.info("merchant_withdrew", platform=account.platform, account=account.account)
            return await context.store.remove_account(account.platform, account.account, account.label)
    return False


async def recover(keeper: Keeper, provider: App, *, again: bool = False) -> list[str]:
    """Add the accounts of merchants that the platform lists and that are not here; return their names.

    An authorization whose push was lost, or whose code was used up by a process that died, is found so.

    Args:
        keeper: the keeper.
        provider: the third-party platform.
        again: whether to add also those that an operator has forgotten.

    Raises:
        Refusal: the platform answered an error number.
        Unreachable: it gave no usable answer.
        LingpaiError: there is no token.
    """
    third = third_party_of(provider)
    if third.listing is None:
        return []
    known = {each.account for each in await merchants_of(keeper, provider)}
    found: list[str] = []
    offset = 0
    for _ in range(_MOST_PAGES):
        sent_at = SentAt(keeper)
        total, listed = third.listed_of(await ask_with_token(keeper, provider, third.listing, offset))
        missing = [each for each in listed if each.account and each.account not in known]
        found += [
            await _adopt_listed(keeper, provider, each, sent_at)
            for each in missing
            if again or not await keeper.store.has_proof(_forgotten(keeper, provider, each.account))
        ]
        offset += len(listed)
        if not listed or offset >= total:
            break
    return found


async def forget(keeper: Keeper, account: Account) -> bool:
    """Remove a merchant's account, which is not found again by itself. False when it is gone already.

    What the merchant allowed at the platform stays, until the merchant withdraws it there.
    """
    if account.via is not None:
        provider = keeper.app_of(
            Account(platform=account.via.platform, account=account.via.account, secret="")
        )
        await keeper.store.keep_proof(_forgotten(keeper, provider, account.account))
    return await remove_account(keeper, account)


def _forgotten(keeper: Keeper, provider: App, merchant: str) -> bytes:
    return Digester(keeper.ring, "forgotten merchant")(f"{provider.name} {merchant}")


async def _adopt_listed(keeper: Keeper, provider: App, listed: Listed, sent_at: SentAt) -> str:
    grant = Grant(listed.account, refresh_token=listed.refresh_token)
    return await adopt(keeper, provider, grant, sent_at, listed.since or keeper.clock.now())


def _app_of(context: Context, provider: App, grant: Grant) -> App:
    """Return the merchant's account as an app, also before it is stored."""
    third = third_party_of(provider)
    made = Digester(context.ring, "merchant")(f"{provider.name} {grant.account}").hex()
    account = Account(
        platform=third.merchants,
        account=grant.account,
        label=third.label(provider.account),
        # Where the platform gives none, one that nobody knows: what is stored is found by its digest.
        secret=grant.secret or made,
        source=MERCHANT_SOURCE,
        via=Via(platform=provider.platform.name, account=provider.account),
    )
    return context.app_of(account)


async def _is_our_own(context: Context, app: App) -> bool:
    found = await context.store.find_accounts(app.platform.name, app.account)
    return any(each.label == app.label and each.via is None for each in found)


async def _save_account(context: Context, app: App, grant: Grant, since: float, brought_by: str) -> None:
    if app.via is None:
        raise AssertionError("nobody acts for the account")
    for _ in range(_ATTEMPTS):
        found = await context.store.find_accounts(app.platform.name, app.account)
        known = next((each for each in found if each.label == app.label), None)
        before = known.via if known is not None else None
        via = msgspec.structs.replace(
            app.via,
            rights=grant.rights or (before.rights if before is not None else ()),
            since=max(since, before.since if before is not None else 0.0),
            name=grant.name or (before.name if before is not None else ""),
            brought_by=brought_by or (before.brought_by if before is not None else ""),
        )
        bare = Account(platform=app.platform.name, account=app.account, label=app.label, secret=app.secret)
        wanted = msgspec.structs.replace(
            known or bare, secret=app.secret, mode="", source=MERCHANT_SOURCE, via=via
        )
        if wanted == known or await context.store.replace_account(known, wanted):
            return
    raise AssertionError("an account is changed without end")
