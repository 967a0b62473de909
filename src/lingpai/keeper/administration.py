"""Operators' changes of accounts and callers, each recorded in the audit trail by the transaction that makes it."""

from typing import Any

from lingpai.core.audit import Change
from lingpai.core.hooks import Hook
from lingpai.core.records import Account, Caller
from lingpai.core.relays import Environment, Relay
from lingpai.keeper import accounts, callers, hooks
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.relay.settings import FIELDS, RELAY_FIELDS


async def save_account(keeper: Keeper, known: Account | None, wanted: Account) -> bool:
    """Add an account, or replace one that still is as `known`. False when it is not."""
    action = "account.add" if known is None else "account.change"
    before = None if known is None else _account_state(keeper, known)
    change = Change.between(action, wanted.name, before, _account_state(keeper, wanted))
    return await keeper.recording(change).replace_account(known, wanted)


async def remove_account(keeper: Keeper, account: Account, *, unchanged: bool = False) -> bool:
    """Remove an account with what is held for it. False when there is none.

    With `unchanged`, False also when it is not as `account` any more.
    """
    change = Change.between("account.remove", account.name, _account_state(keeper, account), None)
    known = account if unchanged else None
    return await keeper.recording(change).remove_account(
        account.platform, account.account, account.label, known
    )


def _account_state(keeper: Keeper, account: Account) -> dict[str, Any]:
    shown = accounts.FIELDS.shown(account)
    return {**shown, "source": account.source, "secret": accounts.fingerprint(keeper, account)}


async def add_caller(keeper: Keeper, caller: Caller, key: str) -> bool:
    """Add a caller with its key. False when the name is or was used by another."""
    after = {**callers.FIELDS.shown(caller), "key": _key_fingerprint(keeper, key)}
    change = Change.between("caller.add", caller.name, None, after)
    return await keeper.recording(change).add_caller(caller, keeper.digest_caller_key(key))


async def change_caller(keeper: Keeper, known: Caller, wanted: Caller) -> bool:
    """Change a caller that still is as `known`; its key stays. False when it is not, or is revoked."""
    states = (callers.FIELDS.shown(known), callers.FIELDS.shown(wanted))
    change = Change.between("caller.change", known.name, *states)
    return await keeper.recording(change).replace_caller(known, wanted)


async def rotate_caller(keeper: Keeper, name: str, key: str, overlap: float) -> bool:
    """Give a caller a new key; earlier ones stay valid for `overlap` seconds at most. False when it has none."""
    change = Change("caller.rotate", name, after={"key": _key_fingerprint(keeper, key), "overlap": overlap})
    return await keeper.recording(change).rotate_caller(name, keeper.digest_caller_key(key), overlap)


async def revoke_caller(keeper: Keeper, name: str, known: Caller | None = None) -> bool:
    """Revoke a caller's keys. False when it has none, or is not as `known` any more."""
    return await keeper.recording(Change("caller.revoke", name)).revoke_caller(name, known)


async def add_hook(keeper: Keeper, hook: Hook) -> bool:
    """Add a webhook. False when the name is taken."""
    change = Change.between("hook.add", hook.name, None, _hook_state(keeper, hook))
    return await keeper.recording(change).add_hook(hook)


async def change_hook(keeper: Keeper, action: str, known: Hook, wanted: Hook) -> bool:
    """Change a webhook that still is as `known`. False when it is not."""
    change = Change.between(action, known.name, _hook_state(keeper, known), _hook_state(keeper, wanted))
    return await keeper.recording(change).replace_hook(known, wanted)


async def remove_hook(keeper: Keeper, hook: Hook) -> bool:
    """Remove a webhook. False when there is none."""
    change = Change.between("hook.remove", hook.name, _hook_state(keeper, hook), None)
    return await keeper.recording(change).remove_hook(hook.name)


def _hook_state(keeper: Keeper, hook: Hook) -> dict[str, Any]:
    shown = {**hooks.FIELDS.shown(hook), "state": hook.state, "position": hook.position}
    return {**shown, "secret": keeper.digest_secret(hook.secret).hex()[: accounts.FINGERPRINT_DIGITS]}


def _key_fingerprint(keeper: Keeper, key: str) -> str:
    return keeper.digest_caller_key(key).hex()[: accounts.FINGERPRINT_DIGITS]


async def save_relay(keeper: Keeper, known: Relay | None, wanted: Relay) -> bool:
    """Add a relay, or change one that still is as `known`. False when it is not."""
    before = None if known is None else _relay_state(keeper, known)
    action = "relay.add" if known is None else "relay.change"
    change = Change.between(action, wanted.app, before, _relay_state(keeper, wanted))
    return await keeper.recording(change).replace_relay(known, wanted)


async def remove_relay(keeper: Keeper, relay: Relay) -> bool:
    """Remove a relay. False when there is none."""
    change = Change.between("relay.remove", relay.app, _relay_state(keeper, relay), None)
    return await keeper.recording(change).remove_relay(relay.app)


def _relay_state(keeper: Keeper, relay: Relay) -> dict[str, Any]:
    return {name: _fingerprint(keeper, getattr(relay, name)) for name in RELAY_FIELDS.names}


async def save_environment(keeper: Keeper, known: Environment | None, wanted: Environment) -> bool:
    """Add an environment, or change one that still is as `known`. False when it is not."""
    before = None if known is None else _environment_state(keeper, known)
    action = "environment.add" if known is None else "environment.change"
    change = Change.between(action, wanted.name, before, _environment_state(keeper, wanted))
    return await keeper.recording(change).replace_environment(known, wanted)


async def remove_environment(keeper: Keeper, environment: Environment) -> bool:
    """Remove an environment with the copies that wait for it. False when there is none."""
    state = _environment_state(keeper, environment)
    change = Change.between("environment.remove", environment.name, state, None)
    return await keeper.recording(change).remove_environment(environment.name)


def _environment_state(keeper: Keeper, environment: Environment) -> dict[str, Any]:
    secrets = {name: _fingerprint(keeper, getattr(environment, name)) for name in FIELDS.secrets}
    return {**FIELDS.shown(environment), **secrets}


def _fingerprint(keeper: Keeper, secret: str) -> str:
    return keeper.digest_secret(secret).hex()[: accounts.FINGERPRINT_DIGITS] if secret else ""
