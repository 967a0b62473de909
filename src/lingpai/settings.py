"""Every setting, typed, with its documentation; the reference page is generated from here.

Sources, the first that has a value wins: command line, environment (`LINGPAI_KEEPER__PATIENCE=5`), `.env`,
`lingpai.toml`, the defaults below.
"""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lingpai.core.records import Account
from lingpai.edge.options import EdgeOptions
from lingpai.edge.peers import PRIVATE_NETWORKS
from lingpai.issuer.dialects.mall.policy import Scopes
from lingpai.issuer.realms import Realm
from lingpai.keeper.keeper import Options as KeeperOptions
from lingpai.keeper.platforms import wechat, wecom

LEGACY_PREFIX = "THIRD_APPID_"
"""How the original service named configured secrets in its .env (keeper-api.md "Migration from the original")."""


def _network(text: str) -> str:
    ipaddress.ip_network(text, strict=False)
    return text


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https address without query, such as https://api.weixin.qq.com")
    return text.rstrip("/")


def _redis_url(url: SecretStr) -> SecretStr:
    if urlsplit(url.get_secret_value()).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must be a redis://, rediss:// or unix:// address")  # which may hold a password
    return url


Network = Annotated[str, AfterValidator(_network)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
Seconds = Annotated[float, Field(gt=0)]
Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
"""One word of RFC 6749 §3.3."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class KeeperSettings(_Section):
    """How the keeper behaves."""

    trusted_networks: tuple[Network, ...] = ("127.0.0.0/8", "::1/128")
    """CIDR blocks from which configured apps may be asked for without a secret or a caller key."""

    allow_unconfigured: bool = True
    """Whether a caller may bring an app that is not configured, with its secret, as the original service allowed."""

    patience: Seconds = 10.0
    """Seconds that a caller waits at most for a value that somebody else is fetching."""

    lease: Seconds = 20.0
    """Seconds after which another worker may take over a renewal whose worker died.

    Above upstream_timeout.
    """

    probe_every: Seconds = 300.0
    """Seconds between attempts while only a human can mend what is wrong (wrong secret, address not allowed)."""

    backoff_cap: Seconds = 60.0
    """Longest wait in seconds between attempts while the upstream has a passing trouble."""

    clear_apart: Seconds = 60.0
    """Seconds for which a second `clear` of the same token does nothing."""

    clears_a_day: Annotated[int, Field(ge=0)] = 50
    """How often a token may be cleared a day."""

    report_apart: Seconds = 30.0
    """Seconds for which a second report of the same token is not verified again."""

    unproven_a_minute: Annotated[int, Field(ge=1)] = 30
    """How many requests a minute may try secrets of one app that never brought a token."""

    tick: Seconds = 1.0
    """Seconds between two looks for renewals that are due."""

    renewals_at_once: Annotated[int, Field(ge=1, le=256)] = 16
    """How many renewals run side by side."""


class WechatSettings(_Section):
    """WeChat official accounts and mini programs."""

    base_url: BaseUrl = wechat.BASE_URL
    """Where the platform is: a forward proxy of yours, or the sandbox."""

    overlap: Annotated[float, Field(ge=0)] = 300.0
    """Seconds that a token lives on after a new one was issued."""


class WecomSettings(_Section):
    """WeCom."""

    base_url: BaseUrl = wecom.BASE_URL
    """Where the platform is: a private deployment, or the sandbox."""


class YzbSettings(_Section):
    """The platform yzb, for accounts that the keeper holds; the issuer's realms are under `realms`."""

    base_url: BaseUrl | None = None
    """Where the platform is, up to what comes before /OAuth2; needed once an account of it is configured."""


class YilianyunSettings(_Section):
    """The platform yilianyun, for accounts that the keeper holds; the issuer's realms are under `realms`."""

    base_url: BaseUrl | None = None
    """Where the platform is, up to what comes before /oauth; needed once an account of it is configured."""


class RedisSettings(_Section):
    """Publishing of held tokens to Redis, in the form that readers of yzb's tokens expect.

    Needs `pip install lingpai[redis]`.
    """

    url: RedisUrl | None = None
    """Where to publish, such as redis://:password@127.0.0.1:6379/0, rediss://… or unix:///path; nowhere when not set.

    The server token and the js_ticket of each yzb app are set there under
    `type/server_access_token_info/app_id/APP_ID` and `type/js_ticket_info/app_id/APP_ID` for as long as they live."""


class EdgeSettings(_Section):
    """Limits at the HTTP edge."""

    trusted_proxies: tuple[Network, ...] = ()
    """CIDR blocks of reverse proxies whose X-Forwarded-For is believed."""

    body_limit: Annotated[int, Field(ge=1024)] = 64 * 1024
    """Largest request body in bytes."""

    body_timeout: Seconds = 10.0
    """Seconds within which a request body has to arrive."""

    log_successes: bool = False
    """Whether requests that went well get a log line too; those that failed always do."""

    metrics_networks: tuple[Network, ...] = PRIVATE_NETWORKS
    """CIDR blocks from which /metrics may be read. Behind a reverse proxy, name it in trusted_proxies as well:
    all requests come from it otherwise."""


class RealmSettings(_Section):
    """One realm of the issuer: an instance of a dialect, with apps, users and tokens of its own."""

    dialect: Literal["yzb", "mall", "yilianyun"]
    """Which dialect it speaks."""

    enabled: bool = True
    """Whether it is served."""

    prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = ""
    """What comes before its paths, such as /mall-test; two realms of one dialect need different ones."""

    policy: dict[str, int | None] = {}
    """Numbers of the dialect's policy to replace, in seconds by name: code, access, refresh, replay_window, …"""

    default_scope: str | None = None
    """The scope told to apps that ask for none; the mall's seed tells null, which strict clients refuse."""

    string_status: bool = False
    """yzb only: every status as a string, for clients that compare with strings."""

    offered_scopes: tuple[Scope, ...] = ()
    """mall only: scopes that apps may ask for besides the default; an app's own list comes before."""

    open_id_scope: Scope | Literal[""] = ""
    """mall only: the scope that getOpenId needs; none when empty, as in the seed."""

    user_info_scope: Scope | Literal[""] = ""
    """mall only: the scope that getUserInfo needs; none when empty, as in the seed."""


def _realms() -> dict[str, RealmSettings]:
    return {
        "yzb": RealmSettings(dialect="yzb"),
        "mall": RealmSettings(dialect="mall"),
        "yilianyun": RealmSettings(dialect="yilianyun"),
    }


class Settings(BaseSettings):
    """All settings of Lingpai."""

    model_config = SettingsConfigDict(
        env_prefix="LINGPAI_",
        env_nested_delimiter="__",
        env_file=".env",
        toml_file="lingpai.toml",
        extra="forbid",
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 for all."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """TCP port to listen on; 0 for any free one."""

    public_url: BaseUrl | None = None
    """Address under which browsers reach the issuer's pages; http://HOST:PORT when not set.

    Never taken from a request."""

    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Worker processes; about one per core."""

    data: Path = Path("lingpai-data")
    """Folder of the embedded store and the key ring; made with mode 0700."""

    key_ring: Path | None = None
    """File of the key ring, made at the first start with mode 0600.

    `keyring.json` in the data folder when not set.
    """

    upstream_timeout: Seconds = 8.0
    """Seconds for one call to an upstream platform."""

    drain: Seconds = 10.0
    """Seconds that requests under way are given at shutdown."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""

    log_format: Literal["auto", "json", "console"] = "auto"
    """JSON lines, or coloured text for people; auto chooses by whether the log goes to a terminal."""

    keeper: KeeperSettings = KeeperSettings()
    wechat: WechatSettings = WechatSettings()
    wecom: WecomSettings = WecomSettings()
    yzb: YzbSettings = YzbSettings()
    yilianyun: YilianyunSettings = YilianyunSettings()
    redis: RedisSettings = RedisSettings()
    edge: EdgeSettings = EdgeSettings()

    realms: dict[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")], RealmSettings] = Field(
        default_factory=_realms
    )
    """The issuer's realms, by name."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of precedence; see the module's docstring."""
        del file_secret_settings
        return (
            init_settings,
            env_settings,
            _OursOnly(dotenv_settings),
            TomlConfigSettingsSource(settings_cls),
        )

    @property
    def log_json(self) -> bool | None:
        """Whether log lines are JSON, or None to choose by where they go."""
        return {"auto": None, "json": True, "console": False}[self.log_format]

    @property
    def database(self) -> Path:
        """The embedded store's file."""
        return self.data / "lingpai.db"

    @property
    def key_ring_file(self) -> Path:
        """The key ring's file."""
        return self.key_ring or self.data / "keyring.json"

    def enabled_realms(self) -> tuple[Realm, ...]:
        """The realms that are served, in the form the issuer takes."""
        return tuple(
            Realm(
                name=name,
                dialect=each.dialect,
                prefix=each.prefix,
                numbers=each.policy,
                default_scope=each.default_scope,
                string_status=each.string_status,
                scopes=Scopes(
                    offered=each.offered_scopes, open_id=each.open_id_scope, user_info=each.user_info_scope
                ),
            )
            for name, each in self.realms.items()
            if each.enabled
        )

    def keeper_options(self) -> KeeperOptions:
        """The keeper's part, in the form it takes."""
        return KeeperOptions(**self.keeper.model_dump())

    def edge_options(self) -> EdgeOptions:
        """The edge's part, in the form it takes."""
        return EdgeOptions(
            body_limit=self.edge.body_limit,
            body_timeout=self.edge.body_timeout,
            log_successes=self.edge.log_successes,
            trusted_proxies=tuple(ipaddress.ip_network(each) for each in self.edge.trusted_proxies),
        )


class _OursOnly(PydanticBaseSettingsSource):
    """A .env may hold other programs' entries, and the original's; only ours are settings."""

    def __init__(self, source: PydanticBaseSettingsSource) -> None:
        super().__init__(source.settings_cls)
        self._source = source

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """As the wrapped source."""
        return self._source.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """What the wrapped source has, of declared settings."""
        fields = self.settings_cls.model_fields
        return {name: value for name, value in self._source().items() if name in fields}


class SettingsError(Exception):
    """The settings do not do; `problems` says what is wrong, a line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from all sources; `overrides` (of the command line) win, None among them counts as not given.

    Raises:
        SettingsError: with every problem there is, at once.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsError([_explain(problem) for problem in error.errors()]) from error
    except ValueError as error:  # an unreadable lingpai.toml
        raise SettingsError([f"lingpai.toml: {error}"]) from error
    if settings.keeper.lease <= settings.upstream_timeout:
        raise SettingsError(
            ["keeper.lease must be longer than upstream_timeout, or two workers may fetch at once."]
        )
    return settings


def _explain(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    variable = "LINGPAI_" + "__".join(str(part) for part in problem["loc"]).upper()
    return f"{name} (environment: {variable}): {problem['msg']}"


def legacy_accounts(env_file: Path = Path(".env")) -> tuple[Account, ...]:
    """Apps configured the original's way: `THIRD_APPID_<appid>=<secret>` in `.env` or the environment."""
    entries = {**dotenv_values(env_file), **os.environ}
    return tuple(
        Account(platform="wechat", account=name.removeprefix(LEGACY_PREFIX), secret=secret, source="env")
        for name, secret in sorted(entries.items())
        if name.startswith(LEGACY_PREFIX) and secret
    )
