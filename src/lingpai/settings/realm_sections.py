"""The settings of a realm: the common ones, and those that the dialects' folders declare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, create_model, model_validator

from lingpai.core.names import hides
from lingpai.core.plugins import PluginError
from lingpai.core.setting_types import Section
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.realms import Realm
from lingpai.settings.branding import BrandSection


def _login_site(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise ValueError(
            "must be an https:// address without a user name and without #, such as https://shop.example/login"
        )
    if hides(text) or " " in text or not text.isascii():
        raise ValueError("must be written in ASCII, without blanks")
    return text


LoginSite = Annotated[str, AfterValidator(_login_site), Field(max_length=2048)]


class RealmSection(Section):
    """One realm of the issuer: an instance of a vendor's protocol, with apps, users and tokens of its own.

    A realm of each protocol exists from the start, with the protocol's name, and stays when others are named. Switch
    one off with `enabled = false`. A realm of the same protocol and prefix under another name takes its place.
    """

    dialect: str
    """Its protocol. May be left out when the realm has the name of its protocol."""

    enabled: bool = True
    """Whether it is served. A realm that is switched off keeps its apps, users and grants."""

    prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = ""
    """What comes before its paths, such as /mall-test; two realms of one dialect need different ones. When it is left
    out, that of its protocol: see the table below."""

    policy: dict[str, int | None] = {}  # noqa: RUF012  pydantic copies it
    """Lifetimes and switches that this realm sets itself, by name, such as `policy = { access = 600 }`: see
    the table below. Lifetimes are whole seconds, at most ten years; switches are 0 or 1."""

    default_scope: str | None = None
    """The scope of a request that names none. When not set, mall answers `"scope": null`, which strict clients
    refuse."""

    login: LoginSite | Literal[""] = ""
    """Address of your own site that logs this realm's users in, such as https://shop.example/login: the realm then has
    no passwords of its own. See [own users](../how-to/own-users.md), and `lingpai realm login-key`."""

    brand: BrandSection = BrandSection()

    _implied: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _under_own_paths(self) -> Self:
        self.prefix = self.prefix or dialects()[self.dialect].prefix
        return self

    @property
    def implied(self) -> bool:
        """Whether it is a default realm that no setting names."""
        return self._implied

    def realm(self, name: str, data: Path) -> Realm:
        """Return the realm as the issuer's type.

        Args:
            name: the realm's name.
            data: the data folder, which relative paths are in.

        Raises:
            ValueError: the logo cannot be used.
        """
        own = dialects()[self.dialect].settings
        return Realm(
            name=name,
            dialect=self.dialect,
            prefix=self.prefix,
            numbers=self.policy,
            default_scope=self.default_scope,
            login=self.login,
            brand=self.brand.read(data),
            settings=own.model_construct(**{field: getattr(self, field) for field in own.model_fields}),
        )


NAMES = tuple(dialects())
"""The dialects that settings know: those that were there when this module was imported."""


def _sections() -> list[type[Section]]:
    """Return the sections that dialects declare.

    Raises:
        PluginError: two have a setting of the same name, or one has a common one.
    """
    owners = dict.fromkeys(RealmSection.model_fields, "every realm")
    found = [each for each in dialects().values() if each.settings is not Section]
    for each in found:
        for field in each.settings.model_fields:
            if owners.setdefault(field, each.name) != each.name:
                raise PluginError(f"The protocol {each.name} has a setting of {owners[field]}: {field}.")
    return [each.settings for each in found]


if TYPE_CHECKING:

    class RealmSettings(RealmSection):
        """The common settings, and those of each dialect."""

else:
    RealmSettings = create_model(
        "RealmSettings",
        __base__=(*reversed(_sections()), RealmSection),  # fields of the last come first
        __doc__=RealmSection.__doc__,
        dialect=(Literal[NAMES], ...),
    )


def default_realms() -> dict[str, RealmSettings]:
    """Return the default realms: one of each dialect, with the dialect's name, under its own paths."""
    realms = {name: RealmSettings(dialect=name) for name in NAMES}
    for realm in realms.values():
        realm._implied = True  # noqa: SLF001  the one place that makes them
    return realms


def with_dialects(named: Any) -> Any:
    """Add the dialect to realms that are named like a dialect and give none.

    Args:
        named: the value of `realms`, of any type: pydantic refuses what is no table of tables.
    """
    if not isinstance(named, dict):
        return named
    return {
        name: {"dialect": name, **realm} if name in NAMES and isinstance(realm, dict) else realm
        for name, realm in named.items()
    }


def with_default_realms(named: dict[str, RealmSettings]) -> dict[str, RealmSettings]:
    """Return the realms that settings name, then the default ones whose name and paths are free.

    An empty table stays empty: it means no realms.
    """
    taken = {(realm.dialect, realm.prefix) for realm in named.values()}
    free = {
        name: realm
        for name, realm in default_realms().items()
        if named and name not in named and (realm.dialect, realm.prefix) not in taken
    }
    return {**named, **free}
