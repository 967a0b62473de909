"""Who may ask for what (keeper-api.md "Who may ask").

Three ways in, in this order: the app's own secret, a caller key (in place of the secret or as bearer), a
trusted network. A wrong secret never reaches a held value, because what is held is found by a digest of the
whole secret.
"""

import functools
import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Account, Caller
from lingpai.core.wire import Call
from lingpai.keeper.budgets import take
from lingpai.keeper.keeper import App, Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Platform

KEY_PREFIX = "lpk_"
"""Caller keys begin so, which tells them from an app's secret at a glance, also in a leak scanner."""

UNPROVEN = "unproven"
"""Name of the budget for secrets that never brought anything."""

_FOREIGN_SITES = frozenset({"cross-site", "same-site"})
"""What browsers say of requests that pages of another host make (`Sec-Fetch-Site`)."""

MOST_PROVEN = 10_000
MAX_ACCOUNT = 128
MAX_SECRET = 512


class Ask(NamedTuple):
    """What a caller wants.

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
    """The app that the caller may act for; `call` is the request, of which the peer and the bearer count.

    Raises:
        LingpaiError: NOT_ALLOWED, WRONG_SECRET, NO_SECRET, UNKNOWN_ACCOUNT or AMBIGUOUS_ACCOUNT.
    """
    secret = ask.secret
    if len(ask.account) > MAX_ACCOUNT or (secret is not None and len(secret) > MAX_SECRET):
        raise LingpaiError(Kind.INVALID_PARAMETER, "The account or the secret is too long to be one.")
    accounts = await keeper.store.find_accounts(ask.platform.name, ask.account)
    if secret is not None and not secret.startswith(KEY_PREFIX):
        return await _by_secret(keeper, ask, accounts, secret, call.peer)
    key = secret or call.bearer
    if key is not None:
        caller = await _caller_of(keeper, key, call.peer)
        app = _pick(keeper, ask, accounts, caller, f"caller:{caller.name}")
        _demand_right(caller, ask.right)
        return app
    if not is_trusted(call.peer, keeper.options.trusted_networks):
        raise LingpaiError(
            Kind.NOT_ALLOWED,
            "Send the app's secret or a caller key; only trusted networks may ask without "
            "(setting keeper.trusted_networks).",
        )
    _refuse_foreign_page(call)
    return _pick(keeper, ask, accounts, None, f"network:{call.peer}")


async def identify(keeper: Keeper, call: Call, key: str | None = None) -> Caller | None:
    """The caller behind a key (`key`, or else the bearer), or None for a trusted network.

    Raises:
        LingpaiError: NOT_ALLOWED for everybody else.
    """
    key = key or call.bearer
    if key is not None:
        return await _caller_of(keeper, key, call.peer)
    if is_trusted(call.peer, keeper.options.trusted_networks):
        _refuse_foreign_page(call)
        return None
    raise LingpaiError(Kind.NOT_ALLOWED, "Send a caller key as `Authorization: Bearer …`.")


def _refuse_foreign_page(call: Call) -> None:
    """Refuse a page of somebody else in a browser that happens to stand in a trusted network.

    Programs send neither header; a page that any website shows could have clearing done for it otherwise.
    """
    site = call.header("sec-fetch-site")
    if site is None:  # not a browser, or none that says it: a page of ours has our name in both
        origin = call.header("origin")
        foreign = origin is not None and urlsplit(origin).netloc != call.header("host")
    else:
        foreign = site in _FOREIGN_SITES
    if foreign:
        raise LingpaiError(
            Kind.NOT_ALLOWED,
            "A page of another site may not ask by its browser's network; send a caller key.",
        )


def may(caller: Caller, name: str, right: str) -> bool:
    """Whether a caller has a right on the account of this name (`platform/account` or `platform/account/label`)."""
    return right in caller.rights and covers(caller, name)


@functools.lru_cache(maxsize=4096)
def is_trusted(peer: str, networks: tuple[str, ...]) -> bool:
    """Whether an address lies in one of these CIDR blocks."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False  # a unix socket or a test client has no address
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)


async def _by_secret(keeper: Keeper, ask: Ask, accounts: tuple[Account, ...], secret: str, peer: str) -> App:
    digest = keeper.digest_secret(secret)
    asker = f"secret:{ask.platform.name}/{ask.account}"
    for configured in accounts:
        app = keeper.app_of(configured, asker)
        if app.digest == digest:
            return app
    if accounts and ask.platform.one_secret:
        raise LingpaiError(Kind.WRONG_SECRET, "The secret is not the one that is configured for this app.")
    if not keeper.options.allow_unconfigured:
        raise LingpaiError(Kind.UNKNOWN_ACCOUNT, "No such app is configured; `lingpai account add` adds one.")
    app = App(
        platform=ask.platform,
        account=ask.account,
        secret=secret,
        digest=digest,
        configured=False,
        asker=asker,
    )
    await _limit_guesses(keeper, app, peer)
    return app


def note_proof(keeper: Keeper, app: App) -> None:
    """The upstream took the secret of an app that nobody configured: it is no guess."""
    if app.configured:
        return
    if len(keeper.proven) >= MOST_PROVEN:
        keeper.proven.clear()
    keeper.proven.add((app.name, app.digest))


async def _limit_guesses(keeper: Keeper, app: App, peer: str) -> None:
    """A secret that never brought anything costs an upstream call each time.

    Nobody may try many of them here, be it of one app or from one address; the address comes first, so that it
    does not use up what others have left for an app.
    """
    if (app.name, app.digest) in keeper.proven:
        return
    held = await keeper.store.read_credential(app.key(ACCESS_TOKEN))
    if held is not None and held.version > 0:
        return
    limits = (
        (f"peer {_origin(peer)}", keeper.options.unproven_by_peer_a_minute, "from this address"),
        (app.name, keeper.options.unproven_a_minute, "for this app"),
    )
    for subject, limit, where in limits:
        if not await take(keeper, subject, UNPROVEN, limit, 60):
            raise LingpaiError(
                Kind.TOO_MANY_REQUESTS, f"Too many secrets were tried {where}; wait a minute.", retry_after=60
            )


def _origin(peer: str) -> str:
    """Who is behind an address: of IPv6, whole networks of 64 bits are one customer's."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped is not None:
        return peer
    return str(ipaddress.ip_network((address, 64), strict=False))


async def _caller_of(keeper: Keeper, key: str, peer: str) -> Caller:
    caller = await keeper.store.find_caller(keeper.digest_caller_key(key))
    if caller is None or caller.revoked_at is not None:
        raise LingpaiError(
            Kind.NOT_ALLOWED,
            "The caller key is not known, or it was revoked; `lingpai caller add` makes one.",
        )
    if caller.networks and not is_trusted(peer, caller.networks):
        raise LingpaiError(Kind.NOT_ALLOWED, "The caller key may not be used from this address.")
    return caller


def _pick(keeper: Keeper, ask: Ask, accounts: tuple[Account, ...], caller: Caller | None, asker: str) -> App:
    """The one configured account that is meant. What a caller may not use is as if it did not exist."""
    wanted = [
        each
        for each in accounts
        if (ask.label is None or each.label == ask.label) and (caller is None or covers(caller, each.name))
    ]
    if len(wanted) == 1:
        return keeper.app_of(wanted[0], asker)
    if wanted:
        labels = ", ".join(each.label or '""' for each in wanted)
        raise LingpaiError(
            Kind.AMBIGUOUS_ACCOUNT,
            f"Several secrets are configured for this account ({labels}); say which with `label`, or "
            "restrict the caller key to one of them.",
        )
    if caller is not None and not covers(caller, f"{ask.platform.name}/{ask.account}"):
        raise LingpaiError(Kind.NOT_ALLOWED, "The caller key may not be used for this app.")
    raise LingpaiError(
        Kind.NO_SECRET,
        f"No secret was sent and none is configured for this app: add it with "
        f"`lingpai account add {ask.platform.name} <id>`, or as THIRD_APPID_<appid>=<secret> in .env, or send it.",
    )


def covers(caller: Caller, name: str) -> bool:
    """Whether a caller's apps name this account: itself, its whole platform account, or everything."""
    return any(app in ("*", name) or name.startswith(f"{app}/") for app in caller.apps)


def _demand_right(caller: Caller, right: str) -> None:
    if right not in caller.rights:
        raise LingpaiError(Kind.NOT_ALLOWED, f"The caller key does not have the right `{right}`.")
