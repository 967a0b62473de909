"""Access control (docs/spec/keeper.md "Who may ask").

Three ways in, in this order: the app's own secret, a caller key (in place of the secret or as bearer), a
trusted network. A wrong secret never reaches a stored value, because that is found by a digest of the
whole secret.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from lingpai.core.addresses import NOBODY, is_within_blocks
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyless import demand_program, demand_unsafe_method, is_program
from lingpai.core.records import Account, Caller
from lingpai.core.wire import Call
from lingpai.keeper.accounts import MAX_ACCOUNT, MAX_SECRET
from lingpai.keeper.app import App, name_for_log
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.keys import KEY_PREFIX
from lingpai.keeper.platforms.platform import Platform

PHANTOM = "phantom"
"""As `hand_out`: phantom tokens in the place of tokens."""

CHANGING = frozenset({"clear", "report"})
"""Rights on what changes something here."""

REFUSALS = frozenset({Kind.NOT_ALLOWED, Kind.MISSING_KEY, Kind.WRONG_KEY, Kind.WRONG_SECRET})
FINGERPRINT = 8
"""Hex digits of a key's keyed digest in the log: the same on every node, and nobody can guess back."""


class Ask(NamedTuple):
    """A caller's request for a value.

    Attributes:
        platform: which platform.
        account: the app's id there.
        secret: the app's secret or a caller key, or None when the caller sent none.
        right: what the caller wants to do, one of `records.RIGHTS`.
        label: which of several secrets of one account, or None when it does not matter or the secret says it.
    """

    platform: Platform
    account: str
    secret: str | None
    right: str
    label: str | None = None


async def authorize(keeper: Keeper, call: Call, ask: Ask) -> App:
    """Return the app that the caller may act for; `call` is the request, of which the peer and the bearer count.

    Raises:
        LingpaiError: MISSING_KEY, WRONG_KEY, NOT_ALLOWED, WRONG_SECRET, NO_SECRET, UNKNOWN_ACCOUNT or
            AMBIGUOUS_ACCOUNT.
    """
    try:
        return await _authorize(keeper, call, ask)
    except LingpaiError as error:
        if error.kind in REFUSALS:
            _note_refusal(keeper, call, await _loggable_app(keeper, ask), ask.secret or call.bearer)
        raise


async def _authorize(keeper: Keeper, call: Call, ask: Ask) -> App:
    secret = ask.secret
    if len(ask.account) > MAX_ACCOUNT or (secret is not None and len(secret) > MAX_SECRET):
        raise LingpaiError(Kind.INVALID_PARAMETER, "The account or the secret is too long.")
    accounts = await keeper.store.find_accounts(ask.platform.name, ask.account)
    if secret is not None and not secret.startswith(KEY_PREFIX):
        return _by_secret(keeper, ask, accounts, secret, call.peer)
    key = secret or call.bearer
    if key is not None:
        caller = await _caller_of(keeper, key, call.peer)
        app = _pick(keeper, ask, accounts, caller, (f"caller:{caller.name}", call.peer))
        if (caller.hand_out or app.hand_out) == PHANTOM:
            app = msgspec.structs.replace(app, phantom_key=keeper.digest_caller_key(key))
            # A phantom token is good for nothing but forwarding, so who may forward may have one.
            if ask.right == "token" and "forward" in caller.rights:
                ask = ask._replace(right="forward")
        _demand_right(caller, ask.right)
        return app if caller.key_ends_at is None else msgspec.structs.replace(app, fleeting=True)
    _demand_trusted(keeper, call, ask.right)
    app = _pick(keeper, ask, accounts, None, (f"network:{call.peer}", call.peer))
    if app.hand_out == PHANTOM and ask.right == "token":
        raise LingpaiError(
            Kind.MISSING_KEY, "Tokens of this account are handed out as phantom tokens; send a caller key."
        )
    return app


async def admit_page(keeper: Keeper, call: Call, ask: Ask, origin: str) -> App | None:
    """Return the app that a script of a page may act for without a key; None when no account lists the page's origin.

    Args:
        keeper: the keeper.
        call: the request.
        ask: what the page asks for.
        origin: the page's, as its browser says.

    Raises:
        LingpaiError: AMBIGUOUS_ACCOUNT.
    """
    accounts = await keeper.store.find_accounts(ask.platform.name, ask.account)
    listing = tuple(each for each in accounts if origin in each.origins)
    return _pick(keeper, ask, listing, None, (f"origin:{origin}", call.peer)) if listing else None


async def identify(keeper: Keeper, call: Call, right: str, key: str | None = None) -> Caller | None:
    """Return the caller of a key (`key`, or else the bearer), or None for a trusted network.

    Args:
        keeper: the keeper.
        call: the request.
        right: what it is asked for.
        key: what came in place of a secret.

    Raises:
        LingpaiError: MISSING_KEY, WRONG_KEY or NOT_ALLOWED for everybody else.
    """
    key = key or call.bearer
    try:
        if key is not None:
            return await _caller_of(keeper, key, call.peer)
        _demand_trusted(keeper, call, right)
    except LingpaiError:
        _note_refusal(keeper, call, "", key)
        raise
    return None


def is_insider(keeper: Keeper, call: Call) -> bool:
    """Return whether the caller may read without a key what concerns all apps: a program in a trusted network."""
    return is_within_blocks(call.peer, keeper.options.trusted_networks) and is_program(
        call, keeper.options.hosts
    )


def _demand_trusted(keeper: Keeper, call: Call, right: str) -> None:
    """Refuse who has no key, unless it is a program in a trusted network.

    Raises:
        LingpaiError: MISSING_KEY, or NOT_ALLOWED for what a web page may have asked for.
    """
    if not is_within_blocks(call.peer, keeper.options.trusted_networks):
        if call.peer == NOBODY:
            raise LingpaiError(
                Kind.MISSING_KEY,
                "Send the app's secret or a caller key; the reverse proxy does not name the client's address.",
            )
        raise LingpaiError(
            Kind.MISSING_KEY,
            "Send the app's secret or a caller key; only trusted networks need neither (setting "
            "keeper.trusted_networks).",
        )
    demand_program(call, keeper.options.hosts)
    if right in CHANGING:
        demand_unsafe_method(call)


def _note_refusal(keeper: Keeper, call: Call, app: str, key: str | None) -> None:
    """Add to the request's log line who was refused: address, app, key."""
    shown = {"address": call.peer or "unknown", "app": app}
    if key is not None:
        shown["key_fingerprint"] = keeper.digest_caller_key(key).hex()[:FINGERPRINT]
    call.noted = shown


async def _loggable_app(keeper: Keeper, ask: Ask) -> str:
    """Return the app's name for the log. What is neither configured nor an id by its form may be a misplaced secret."""
    if await keeper.store.find_accounts(ask.platform.name, ask.account):
        return f"{ask.platform.name}/{ask.account}"
    return name_for_log(ask.platform, ask.account)


def may(caller: Caller, name: str, right: str) -> bool:
    """Return whether a caller has a right on the account of this name, `platform/account` or with `/label`."""
    return right in caller.rights and covers(caller.apps, name)


def _by_secret(keeper: Keeper, ask: Ask, accounts: tuple[Account, ...], secret: str, peer: str) -> App:
    digest = keeper.digest_secret(secret)
    asker = f"secret:{ask.platform.name}/{ask.account}"
    for configured in accounts:
        app = keeper.app_of(configured, asker, peer)
        if app.digest == digest:
            return app
    if accounts and ask.platform.one_secret:
        raise LingpaiError(
            Kind.WRONG_SECRET, "The secret differs from the one that is configured for this app."
        )
    trusted = is_within_blocks(peer, keeper.options.trusted_networks)
    allowed = keeper.options.allow_unconfigured
    if not (trusted if allowed == "trusted" else allowed):
        raise LingpaiError(
            Kind.UNKNOWN_ACCOUNT, "This app is not configured; add it with `lingpai account add`."
        )
    return App(
        platform=ask.platform,
        account=ask.account,
        secret=secret,
        digest=digest,
        configured=False,
        asker=f"secret:{name_for_log(ask.platform, ask.account)}",
        peer=peer,
        trusted=trusted,
    )


async def _caller_of(keeper: Keeper, key: str, peer: str) -> Caller:
    caller = await keeper.store.find_caller(keeper.digest_caller_key(key))
    if caller is None or caller.revoked_at is not None:
        raise LingpaiError(
            Kind.WRONG_KEY,
            "The caller key is unknown or revoked; create one with `lingpai caller add`.",
        )
    if caller.networks and not is_within_blocks(peer, caller.networks):
        raise LingpaiError(Kind.NOT_ALLOWED, "The caller key may not be used from this address.")
    return caller


def _pick(
    keeper: Keeper, ask: Ask, accounts: tuple[Account, ...], caller: Caller | None, asker: tuple[str, str]
) -> App:
    """Return the one configured account that is meant. What a caller may not use is as if it did not exist.

    `asker` is the name and the address of who asks.
    """
    wanted = [
        each
        for each in accounts
        if (ask.label is None or each.label == ask.label)
        and (caller is None or covers(caller.apps, each.name))
    ]
    if len(wanted) == 1:
        return keeper.app_of(wanted[0], *asker)
    if wanted:
        labels = ", ".join(each.label or '""' for each in wanted)
        raise LingpaiError(
            Kind.AMBIGUOUS_ACCOUNT,
            f"Several secrets are configured for this account ({labels}); choose one with "
            "`label`, or restrict the caller key to one of them.",
        )
    if caller is not None and not covers(caller.apps, f"{ask.platform.name}/{ask.account}"):
        raise LingpaiError(Kind.NOT_ALLOWED, "The caller key may not be used for this app.")
    raise LingpaiError(
        Kind.NO_SECRET,
        f"No secret was sent and none is configured for this app: add it with "
        f"`lingpai account add {ask.platform.name} <id>`, or as THIRD_APPID_<appid>=<secret> in .env, or send it.",
    )


def covers(apps: Iterable[str], name: str) -> bool:
    """Return whether apps include this account: by its name, its platform account, or `*`."""
    return any(app in ("*", name) or name.startswith(f"{app}/") for app in apps)


def _demand_right(caller: Caller, right: str) -> None:
    if right not in caller.rights:
        raise LingpaiError(Kind.NOT_ALLOWED, f"The caller key does not have the right `{right}`.")
