"""Realms: instances of dialects, each with apps, users and tokens of its own, side by side in one service."""

from collections.abc import Mapping
from datetime import tzinfo

import msgspec

from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing
from lingpai.core.setting_types import Section
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialect import Mounted, Mounting
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.pages import Brand, Site
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Policy
from lingpai.store.issuer_port import IssuerStore


class Realm(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one realm.

    Attributes:
        name: unique; part of every row and every handle of the realm.
        dialect: the dialect's name.
        prefix: the path before its paths.
        numbers: values that replace those of the dialect's policy, by field name.
        default_scope: the scope of a request that names none; the dialect's own when None.
        settings: the dialect's own settings; their defaults when None.
        login: address of the operator's own site that logs users in, "" for a form with a password.
        brand: what its pages show of the operator.
    """

    name: str
    dialect: str
    prefix: str = ""
    numbers: Mapping[str, int | None] = {}
    default_scope: str | None = None
    settings: Section | None = None
    login: str = ""
    brand: Brand = Brand()

    def policy(self) -> Policy:
        """Return the dialect's policy with this realm's values.

        Raises:
            ValueError: a value has a name that a policy does not have, or is not a number.
        """
        own: dict[str, object] = dict(self.numbers)
        if self.default_scope is not None:
            own["default_scope"] = self.default_scope
        policy = dialects()[self.dialect].policy
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


def mount(realm: Realm, issuer: Issuer, origin: str, zone: tzinfo | None = None) -> Mounted:
    """Return the routes of one realm: its dialect's, and those of its pages under `PREFIX/user/NAME`.

    Args:
        realm: which.
        issuer: its verbs.
        origin: scheme, host and port under which browsers reach us.
        zone: of the times that its pages show; the machine's own when None.
    """
    site = Site(origin=origin, prefix=pages_prefix(realm), zone=zone, login=realm.login, brand=realm.brand)
    dialect = dialects()[realm.dialect]
    return dialect.mount(Mounting(issuer, site, realm.prefix, realm.settings or dialect.settings()))


def pages_prefix(realm: Realm) -> str:
    """Return the path before a realm's pages."""
    return f"{realm.prefix}/user/{realm.name}"
