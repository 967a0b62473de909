"""Callers with a phantom token, and what they may have forwarded."""

from lingpai.core.addresses import is_within_blocks
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Account, Caller, Credential
from lingpai.core.wire import Call
from lingpai.keeper.access import covers
from lingpai.keeper.app import App
from lingpai.keeper.forwarding.paths import first_match
from lingpai.keeper.forwarding.phantoms import Phantom
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.forwarding import Forwarding


def _unknown() -> LingpaiError:
    return LingpaiError(
        Kind.UNKNOWN_TOKEN, "access_token was not issued through this service, or it has expired"
    )


async def account_of(keeper: Keeper, phantom: Phantom) -> Account | None:
    """Return the account that a phantom token is of, if it is still configured."""
    found = await keeper.store.find_accounts(phantom.platform, phantom.account)
    return next((each for each in found if each.label == phantom.label), None)


async def bearer_of(keeper: Keeper, call: Call, phantom: Phantom, *rights: str) -> tuple[App, Caller]:
    """Return the app that the holder of a phantom token may act for with one of `rights`, and the holder.

    Raises:
        LingpaiError: UNKNOWN_TOKEN when it has expired, its caller key was revoked, or its account is gone; NOT_ALLOWED
            without such a right, from another address, or when the caller may not use the account any more.
    """
    caller = await keeper.store.find_caller(phantom.key)
    account = await account_of(keeper, phantom)
    if (
        caller is None
        or caller.revoked_at is not None
        or account is None
        or phantom.end <= keeper.clock.now()
    ):
        raise _unknown()
    call.caller = caller.name
    if caller.networks and not is_within_blocks(call.peer, caller.networks):
        raise LingpaiError(Kind.NOT_ALLOWED, "The caller key may not be used from this address.")
    if not covers(caller.apps, account.name):
        raise LingpaiError(Kind.NOT_ALLOWED, "The caller key may not be used for this app.")
    if not any(right in caller.rights for right in rights):
        raise LingpaiError(Kind.NOT_ALLOWED, f"The caller key does not have the right `{rights[0]}`.")
    return keeper.app_of(account, f"caller:{caller.name}", call.peer), caller


async def credential_of(keeper: Keeper, phantom: Phantom) -> tuple[Credential | None, str]:
    """Return the credential of a phantom token, and the value that it replaces; "" when that was replaced."""
    account = await account_of(keeper, phantom)
    if account is None:
        return None, ""
    credential = await keeper.store.read_credential(keeper.app_of(account).key(phantom.kind))
    current = None if credential is None else credential.current
    return credential, current.value if current is not None and current.version == phantom.version else ""


def demand_path(caller: Caller, forwarding: Forwarding, path: str) -> str:
    """Return the pattern by which a caller may have a path forwarded.

    Raises:
        LingpaiError: NOT_ALLOWED.
    """
    prefix = forwarding.prefix_of(path)
    if not prefix:
        raise LingpaiError(Kind.NOT_ALLOWED, "This is no path of the platform's API.")
    if first_match(forwarding.never, path.lower()) is not None:
        raise LingpaiError(
            Kind.NOT_ALLOWED,
            "Calls for tokens, tickets and quotas are not forwarded; this service makes them.",
        )
    if not caller.forward:
        return f"{prefix}*"
    pattern = first_match(caller.forward, path)
    if pattern is None:
        raise LingpaiError(Kind.NOT_ALLOWED, "The caller key may not have this path forwarded.")
    return pattern
