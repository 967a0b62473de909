"""Every setting, typed, with its documentation; the reference page is generated from here.

Sources, the first that has a value wins: command line, environment (`LINGPAI_KEEPER__PATIENCE=5`), `.env`,
`lingpai.toml`, `lingpai.toml` in the data folder when one of the first three names that, the defaults below.
"""

import ipaddress
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, SecretStr
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lingpai.core.hosts import Hosts
from lingpai.edge.admission import ConnectionLimits
from lingpai.edge.options import EdgeOptions
from lingpai.issuer.realms import Realm
from lingpai.keeper.options import ForwardOptions
from lingpai.keeper.options import Options as KeeperOptions
from lingpai.keeper.platforms.registry import platform_types
from lingpai.keeper.platforms.settings import PlatformSettings
from lingpai.settings.platforms import PlatformGroups
from lingpai.settings.realm_sections import (
    RealmSettings,
    default_realms,
    with_default_realms,
    with_dialects,
)
from lingpai.settings.sections import (
    LONGEST_WAIT,
    UNIX,
    AdminSettings,
    EdgeSettings,
    ForwardSettings,
    KeeperSettings,
    PublicUrl,
    RedisSettings,
    Seconds,
    StoreAddress,
    TlsSettings,
)
from lingpai.settings.sources import (
    PREFIX,
    SETTINGS_FILE,
    environment_variables,
    file_variables,
    read_toml,
    settings_files,
)
from lingpai.settings.zones import TimeZone, zone_of
from lingpai.store.address import CONNECTIONS, Address

ADMIN_BODY_LIMIT = 1024 * 1024
"""Bytes of a request of the admin API."""


class Settings(PlatformGroups, BaseSettings):
    """All settings of Lingpai."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
    )

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """TCP port to listen on; 0 for any free one."""

    unix_socket: Path | None = None
    """Path of a Unix socket to listen on instead of `host` and `port`, made with mode 0660.

    For a reverse proxy on the same machine: add its user to the group, and list `unix:` in `edge.trusted_proxies`.
    Sockets that systemd passes (`lingpai.socket`) come before both."""

    public_url: PublicUrl | None = None
    """Scheme, host and port under which browsers reach the issuer's pages; http://HOST:PORT when not set.

    Never taken from a request. With https, cookies are `Secure`; with http they are not, for browsers would drop
    them."""

    time_zone: TimeZone = ""
    """Time zone of the times on the issuer's pages, such as Asia/Shanghai; the machine's own when empty."""

    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Worker processes; about one per core."""

    data: Path = Path("lingpai-data")
    """Folder of the embedded store and the key ring; made with mode 0700."""

    store: StoreAddress = SecretStr("")
    """Where the store is: postgresql://USER:PASSWORD@HOST/DATABASE for any number of nodes, or the embedded store's
    file.

    `lingpai.db` in the data folder when empty. Several hosts (`HOST1,HOST2`) are tried in turn. Needs
    `pip install lingpai[postgresql]`."""

    store_connections: Annotated[int, Field(ge=1, le=100)] = CONNECTIONS
    """Connections of one worker to PostgreSQL at most. One more listens for notifications; up to two more serve long
    lists for administrators."""

    free_space: Annotated[int, Field(ge=0, le=1024 * 1024)] = 64
    """MiB of free space on the embedded store's disk below which the issuer adds nothing (logins, codes, tokens: 503).

    The rest is kept for the keeper's renewals. On a small disk the limit is 4 % of its size; 0 switches it off. Not for
    PostgreSQL, which does not report its free space."""

    store_wait: Annotated[float, Field(ge=0, allow_inf_nan=False, le=LONGEST_WAIT)] = 900.0
    """Seconds that `serve` waits at its start for a database that does not take connections or writes yet.

    0 tries once. An error that waiting cannot fix (a wrong password, no such database) ends it at once."""

    key_ring: Path | None = None
    """File of the key ring, made at the first start with mode 0600.

    `keyring.json` in the data folder when not set.
    """

    upstream_timeout: Seconds = 8.0
    """Seconds for one call to an upstream platform."""

    drain: Seconds = 10.0
    """Seconds that open requests get to finish at shutdown."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""

    log_format: Literal["auto", "json", "console"] = "auto"
    """JSON lines, or coloured text for people; auto: text when the log goes to a terminal."""

    log_login_names: Literal["fingerprint", "plain"] = "fingerprint"
    """How the log shows the login name of a failed login. People sometimes type their password into that field, so by
    default the log shows a fingerprint, which is the same for the same name within one process."""

    keeper: KeeperSettings = KeeperSettings()
    forward: ForwardSettings = ForwardSettings()
    redis: RedisSettings = RedisSettings()
    edge: EdgeSettings = EdgeSettings()
    tls: TlsSettings = TlsSettings()
    admin: AdminSettings = AdminSettings()

    realms: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")], RealmSettings],
        BeforeValidator(with_dialects),
        AfterValidator(with_default_realms),
    ] = Field(default_factory=default_realms)
    """The issuer's realms, by name."""

    _folder: Path | None = PrivateAttr(default=None)

    def found_in(self, folder: Path | None) -> None:
        """Note the data folder of the command line, in which settings were looked for; None when it named none."""
        self._folder = folder

    def files(self) -> list[Path]:
        """Return the settings files that there are, in order of precedence.

        Raises:
            TextError: `.env` is no text.
        """
        return settings_files(self._folder)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of precedence; see the module's docstring."""
        del file_secret_settings
        for source, entries in ((env_settings, environment_variables()), (dotenv_settings, file_variables())):
            if isinstance(source, EnvSettingsSource):
                source.env_vars = {name.lower(): value for name, value in entries.items()}
        return (
            init_settings,
            env_settings,
            _DeclaredOnly(dotenv_settings),
            *_files(settings_cls, Path()),
            *_data_folder_files(settings_cls, init_settings, env_settings, dotenv_settings),
        )

    @property
    def log_json(self) -> bool | None:
        """True for JSON log lines, False for text, None to choose by the log's destination."""
        return {"auto": None, "json": True, "console": False}[self.log_format]

    @property
    def store_address(self) -> Address:
        """The address of the store."""
        text = self.store.get_secret_value()
        dsn = text if "://" in text else None
        file = Path(text) if text and dsn is None else self.data / "lingpai.db"
        return Address(file, dsn, self.store_connections, self.free_space * 1024 * 1024)

    @property
    def database(self) -> Path:
        """The embedded store's file."""
        return self.store_address.file

    @property
    def key_ring_file(self) -> Path:
        """The key ring's file."""
        return self.key_ring or self.data / "keyring.json"

    def platform(self, name: str) -> PlatformSettings:
        """Return the settings of a platform; the defaults of one that was registered after this module was imported."""
        group: PlatformSettings | None = getattr(self, name, None)
        return platform_types()[name].settings() if group is None else group

    @property
    def longest_call(self) -> float:
        """The seconds that a call of the keeper's own to a platform may take at most."""
        timeouts = (self.platform(name).timeout for name in platform_types())
        return max([self.upstream_timeout, *(each or 0.0 for each in timeouts)])

    def enabled_realms(self) -> tuple[Realm, ...]:
        """Return the enabled realms, as the issuer's type."""
        return tuple(each for each in self.all_realms() if self.realms[each.name].enabled)

    def all_realms(self) -> tuple[Realm, ...]:
        """Return all realms, disabled ones included, as operators may still manage those."""
        return tuple(each.realm(name, self.data) for name, each in self.realms.items())

    def named_realms(self) -> frozenset[str]:
        """Return the names of the realms that settings name; the others are default realms."""
        return frozenset(name for name, each in self.realms.items() if not each.implied)

    def keeper_options(self) -> KeeperOptions:
        """Return the keeper's options."""
        forward = ForwardOptions(**self.forward.model_dump())
        return KeeperOptions(
            hosts=self.hosts(), forward=forward, origin=self.origin, **self.keeper.model_dump()
        )

    def zone(self) -> tzinfo | None:
        """Return the time zone of the times on pages; None for the machine's own."""
        return zone_of(self.time_zone)

    def hosts(self) -> Hosts:
        """Return the names by which requests without a key may address the service."""
        own = urlsplit(self.public_url or "").hostname or self.host
        return Hosts((own, *self.edge.hosts))

    @property
    def origin(self) -> str:
        """Scheme, host and port under which browsers reach the service."""
        scheme = "https" if self.tls.certificate is not None else "http"
        return self.public_url or f"{scheme}://{self.host}:{self.port}"

    def edge_options(self) -> EdgeOptions:
        """Return the edge's options."""
        return EdgeOptions(
            body_limit=self.edge.body_limit,
            body_timeout=self.edge.body_timeout,
            log_successes=self.edge.log_successes,
            trusted_proxies=self._trusted_proxies(),
            trusted_unix=UNIX in self.edge.trusted_proxies,
        )

    def admin_edge_options(self) -> EdgeOptions:
        """Return the edge's options of the admin API: one that does TLS itself, or is local, has no proxy."""
        proxied = self.admin.behind_tls
        return EdgeOptions(
            name="lingpai-admin",
            body_limit=ADMIN_BODY_LIMIT,
            body_timeout=self.edge.body_timeout,
            trusted_proxies=self._trusted_proxies() if proxied else (),
            trusted_unix=proxied and UNIX in self.edge.trusted_proxies,
        )

    def connection_limits(self) -> ConnectionLimits:
        """Return how many connections a worker takes."""
        return ConnectionLimits(
            self.edge.connections, self.edge.connections_by_address, self._trusted_proxies()
        )

    def _trusted_proxies(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        return tuple(
            ipaddress.ip_network(each, strict=False) for each in self.edge.trusted_proxies if each != UNIX
        )


class _DeclaredOnly(PydanticBaseSettingsSource):
    """A source without the entries of other programs and of the original service, which `.env` may contain."""

    def __init__(self, source: PydanticBaseSettingsSource) -> None:
        super().__init__(source.settings_cls)
        self._source = source

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Return what the wrapped source returns."""
        return self._source.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """Return the wrapped source's values of declared settings."""
        fields = self.settings_cls.model_fields
        return {name: value for name, value in self._source().items() if name in fields}


def _data_folder_files(
    settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource
) -> Iterator[PydanticBaseSettingsSource]:
    """Yield the settings file in the data folder that one of these sources names."""
    folder = next((data for source in sources if (data := source().get("data"))), None)
    if folder is not None:
        yield from _files(settings_cls, Path(folder))


def _files(settings_cls: type[BaseSettings], folder: Path) -> Iterator[PydanticBaseSettingsSource]:
    """Yield the settings file of a folder, if there is one."""
    file = folder / SETTINGS_FILE
    if file.is_file():
        yield InitSettingsSource(settings_cls, read_toml(file))
