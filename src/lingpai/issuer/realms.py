"""Realms: instances of dialects, each with apps, users and tokens of its own, side by side in one service."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing
from lingpai.core.wire import Route, Shape
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import mall, oidc, yilianyun, yzb
from lingpai.issuer.dialects.mall.policy import Scopes
from lingpai.issuer.fetcher import Fetcher
from lingpai.issuer.pages import Pages, Site
from lingpai.issuer.pages.bridge.routes import BridgePages
from lingpai.issuer.pages.standard import Standard
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Policy
from lingpai.store.issuer_port import IssuerStore

Fallback = tuple[tuple[str, Shape], ...]


class Mounted(NamedTuple):
    """The routes of a realm, and the shapes of unrouted paths by prefix."""

    routes: tuple[Route, ...]
    fallback: Fallback


POLICIES: Mapping[str, Policy] = {
    "yzb": yzb.POLICY,
    "mall": mall.POLICY,
    "yilianyun": yilianyun.POLICY,
    "oidc": oidc.POLICY,
}
"""The policy of each dialect, by the dialect's name."""


class Realm(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one realm.

    Attributes:
        name: unique; part of every row and every handle of the realm.
        dialect: a key of `POLICIES`.
        prefix: the path before its paths.
        numbers: values that replace those of the dialect's policy, by field name.
        default_scope: the scope of a request that names none; the dialect's own when None.
        string_status: yzb's; see `yzb.routes`.
        scopes: the mall's; none as in the original.
        fetch_networks: oidc's; see `fetcher.Fetcher`.
    """

    name: str
    dialect: str
    prefix: str = ""
    numbers: Mapping[str, int | None] = {}
    default_scope: str | None = None
    string_status: bool = False
    scopes: Scopes = Scopes()
    fetch_networks: tuple[str, ...] = ()

    def policy(self) -> Policy:
        """Return the dialect's policy with this realm's values.

        Raises:
            ValueError: a value has a name that a policy does not have, or is not a number.
        """
        own: dict[str, object] = dict(self.numbers)
        if self.default_scope is not None:
            own["default_scope"] = self.default_scope
        policy = POLICIES[self.dialect]
        unknown = own.keys() - set(policy.__struct_fields__)
        if unknown:
            raise ValueError(f"realms.{self.name}.policy has no {', '.join(sorted(unknown))}")
        replaced = msgspec.structs.replace(policy, **own)
        return msgspec.convert(msgspec.to_builtins(replaced), Policy, strict=False)  # a switch is 0 or 1


async def open_issuer(
    realm: Realm, store: IssuerStore, ring: KeyRing, clock: Clock, passwords: Passwords | None = None
) -> Issuer:
    """Open one realm on an open store. All realms of a process share `passwords`.

    Raises:
        ValueError: as `Realm.policy`.
        LingpaiError: STORE_UNAVAILABLE.
    """
    return await Issuer.open(realm.name, realm.policy(), store, ring, clock, passwords)


def mount(realm: Realm, issuer: Issuer, origin: str) -> Mounted:
    """Return the routes of one realm: its dialect's, and those of its pages under `PREFIX/user/NAME`.

    Args:
        realm: which.
        issuer: its verbs.
        origin: scheme, host and port under which browsers reach us.
    """
    site = Site(origin=origin, prefix=f"{realm.prefix}/user/{realm.name}")
    return _MOUNTS[realm.dialect](realm, issuer, site)


def _mount_yzb(realm: Realm, issuer: Issuer, site: Site) -> Mounted:
    pages = BridgePages(issuer, site, realm.prefix)
    routes = yzb.routes(issuer, prefix=realm.prefix, string_status=realm.string_status, secure=site.secure)
    return Mounted((*routes, *pages.routes()), (*yzb.fallback(realm.prefix), *pages.fallback()))


def _mount_mall(realm: Realm, issuer: Issuer, site: Site) -> Mounted:
    pages = Pages(issuer, site, mall.STYLE)
    routes = mall.routes(issuer, pages, prefix=realm.prefix, scopes=realm.scopes)
    return Mounted((*routes, *pages.routes()), (*mall.fallback(realm.prefix), *pages.fallback()))


def _mount_yilianyun(realm: Realm, issuer: Issuer, site: Site) -> Mounted:
    pages = Pages(issuer, site, yilianyun.STYLE)
    routes = yilianyun.routes(issuer, pages, prefix=realm.prefix)
    return Mounted((*routes, *pages.routes()), (*yilianyun.fallback(realm.prefix), *pages.fallback()))


def _mount_oidc(realm: Realm, issuer: Issuer, site: Site) -> Mounted:
    url = site.origin + realm.prefix
    pages = Pages(issuer, site, Standard(oidc.style(url)))
    fetcher = Fetcher(realm.fetch_networks)
    routes = oidc.routes(issuer, pages, url, prefix=realm.prefix, fetcher=fetcher)
    return Mounted((*routes, *pages.routes()), (*oidc.fallback(realm.prefix), *pages.fallback()))


_MOUNTS: Mapping[str, Callable[[Realm, Issuer, Site], Mounted]] = {
    "yzb": _mount_yzb,
    "mall": _mount_mall,
    "yilianyun": _mount_yilianyun,
    "oidc": _mount_oidc,
}
