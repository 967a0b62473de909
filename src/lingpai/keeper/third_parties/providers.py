"""The third-party platform that acts for a merchant's account, and its calls."""

from typing import Any

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Account
from lingpai.core.third_parties import Via
from lingpai.keeper.app import App
from lingpai.keeper.context import Context
from lingpai.keeper.platform_client import call_platform
from lingpai.keeper.platforms.third_party import AskedCall, ThirdParty


def third_party_of(app: App) -> ThirdParty:
    """Return how the platform of a third-party platform's app works."""
    if app.platform.third_party is None:
        raise AssertionError("the platform is not one of third-party platforms")
    return app.platform.third_party


async def provider_of(context: Context, via: Via) -> App:
    """Return the third-party platform that acts for an account.

    Raises:
        LingpaiError: NO_SECRET when it is not configured any more.
    """
    found = await context.store.find_accounts(via.platform, via.account)
    if not found or via.platform not in context.platforms:
        raise LingpaiError(
            Kind.NO_SECRET,
            "The third-party platform that acts for this account is not configured any more; add it with "
            "`lingpai account add`.",
        )
    return context.app_of(found[0])


async def merchants_of(context: Context, provider: App) -> list[Account]:
    """Return the accounts that a third-party platform acts for, by name."""
    return [
        each
        for each in await context.store.list_accounts()
        if each.via is not None and (each.via.platform, each.via.account) == _name_of(provider)
    ]


def acts_for(provider: App, account: Account) -> bool:
    """Return whether a third-party platform acts for an account."""
    return account.via is not None and (account.via.platform, account.via.account) == _name_of(provider)


def _name_of(provider: App) -> tuple[str, str]:
    return provider.platform.name, provider.account


async def ask(context: Context, provider: App, token: str, call: AskedCall, argument: Any) -> dict[str, Any]:
    """Return what the platform answers to a call with this token of the third-party platform.

    Raises:
        Refusal: it answered an error number.
        Unreachable: it gave no usable answer.
    """
    fields, carried = call.request(provider.account, argument), {third_party_of(provider).parameter: token}
    if call.method == "GET":
        fields = {**carried, **fields}
    return await call_platform(context, provider, call.method, call.path, fields, carried)
