"""The groups of settings, and the types of their values. See `loading` for where they come from."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from lingpai.core.addresses import is_loopback
from lingpai.core.setting_types import Network, Section, base_url, network
from lingpai.edge.peers import PRIVATE_NETWORKS
from lingpai.edge.tls import CertificateFiles
from lingpai.store import libpq
from lingpai.store.address import SCHEMES


def _proxy(text: str) -> str:
    return text if text == UNIX else network(text)


def _public_url(text: str) -> str:
    url = base_url(text)
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("must be without user and password: every browser is shown it")
    if parts.path:
        raise ValueError(
            f"must be without a path ({parts.path}): cookies and addresses are for the whole host; give Lingpai a host "
            "name of its own, and use a realm's prefix for paths"
        )
    return url


def _redis_url(url: SecretStr) -> SecretStr:
    if urlsplit(url.get_secret_value()).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must be a redis://, rediss:// or unix:// address")  # which may contain a password
    return url


def _store(address: SecretStr) -> SecretStr:
    text = address.get_secret_value()
    if "://" in text:
        if text.partition("://")[0] not in SCHEMES:
            raise ValueError(
                "must be a postgresql:// address or a file's path"
            )  # which may contain a password
        libpq.read(text)
    return address


def _admin_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text and not text.startswith(UNIX) and not (host and port.isdecimal() and int(port) <= MOST_PORT):
        raise ValueError("must be HOST:PORT such as 127.0.0.1:8010, or unix:PATH")
    return text


MOST_PORT: Final = 65_535
UNIX: Final = "unix:"
"""In a list of proxies: whatever connects by the Unix socket (nginx's word, as in `set_real_ip_from unix:`)."""
LONGEST_WAIT = 366 * 86_400
"""Seconds; clocks and timers can count these."""

AdminAddress = Annotated[str, AfterValidator(_admin_address)]
HostName = Annotated[str, Field(pattern=r"^\.?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$", max_length=253)]
Proxy = Annotated[str, AfterValidator(_proxy)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
StoreAddress = Annotated[SecretStr, AfterValidator(_store)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False, le=LONGEST_WAIT)]


class ForwardSettings(Section):
    """Calls that are forwarded to the platforms, counted by each worker for itself."""

    body_limit: Annotated[int, Field(ge=1024, le=2**34)] = 64 * 1024 * 1024
    """Bytes of a forwarded call's body; more is refused with 413."""

    at_once: Annotated[int, Field(ge=1)] = 64
    """Calls of one account that are under way at once; more wait."""

    queue: Annotated[float, Field(ge=0, allow_inf_nan=False, le=120)] = 5.0
    """Seconds that a call waits for others of its account, before it is refused."""

    rate: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1000.0
    """Calls a second of one caller, on average; twice as many may come at once after a pause. 0 for any number."""

    stall: Seconds = 30.0
    """Seconds in which nothing is received or sent of a call, after which it is given up."""

    total: Seconds = 120.0
    """Seconds that a whole call may take, bodies included."""


class KeeperSettings(Section):
    """The keeper's behaviour."""

    trusted_networks: tuple[Network, ...] = ("127.0.0.0/8", "::1/128")
    """CIDR blocks from which callers may use configured accounts without a secret or a caller key."""

    allow_unconfigured: bool | Literal["trusted"] = "trusted"
    """Whether a caller may use an account that is not configured by sending its secret, as the original service
    allowed: true from anywhere, false from nowhere, trusted from `trusted_networks`."""

    patience: Seconds = 10.0
    """Longest time in seconds that a caller waits for a token that another request is already fetching."""

    lease: Seconds = 20.0
    """Seconds after which another worker may take over a renewal whose worker died.

    Must be more than upstream_timeout.
    """

    probe_every: Seconds = 300.0
    """Seconds between attempts while the circuit breaker is open (wrong secret, address not allowed)."""

    backoff_cap: Seconds = 60.0
    """Longest time in seconds between attempts while a platform fails temporarily."""

    clear_apart: Seconds = 60.0
    """Seconds during which a second `clear` of the same token has no effect."""

    clears_a_day: Annotated[int, Field(ge=0)] = 50
    """How often each token may be cleared per day."""

    report_apart: Seconds = 30.0
    """Seconds during which a second report of the same token is not verified again."""

    exchange_repeats: Annotated[float, Field(ge=0, allow_inf_nan=False, le=300)] = 30.0
    """Seconds during which a login code that was exchanged returns the same answer again to the same caller at the
    same address, in case the first answer was lost; 0 to never repeat an answer."""

    hook_networks: tuple[Network, ...] = ()
    """CIDR blocks of your own network in which webhooks and environments may be called, also by http. Other addresses
    that are not public are never reached."""

    authorize_links: Literal["open", "signed"] = "open"
    """Who may begin to authorise a third-party platform at /authorize/…: open for everybody, signed for those who
    have a link of `lingpai authorizer link`."""

    unproven_a_minute: Annotated[int, Field(ge=1)] = 30
    """Calls per minute with wrong secrets that may reach the platform, for each account that is not configured and for
    each such secret. Trusted networks are counted separately.

    A secret that the platform has accepted once is not limited, also after a restart."""

    unproven_by_peer_a_minute: Annotated[int, Field(ge=1)] = 20
    """The same from one address (IPv6: from one /64 network), for all accounts together."""

    unproven_by_platform_a_minute: Annotated[int, Field(ge=1)] = 60
    """Calls per minute with wrong secrets that may reach one platform in all. Trusted networks are counted
    separately."""

    tick: Seconds = 0.25
    """Seconds between two checks for due renewals."""

    renewals_at_once: Annotated[int, Field(ge=1, le=256)] = 16
    """How many renewals of one platform run at the same time."""


class RedisSettings(Section):
    """Publishing of the keeper's tokens to Redis, in the form that readers of yzb's tokens expect.

    Needs `pip install lingpai[redis]`.
    """

    url: RedisUrl | None = None
    """Where to publish, such as redis://:password@127.0.0.1:6379/0, rediss://… or unix:///path; nowhere when not set.

    The server token and the js_ticket of each yzb app are written there under
    `type/server_access_token_info/app_id/APP_ID` and `type/js_ticket_info/app_id/APP_ID` until they expire."""


class EdgeSettings(Section):
    """Limits at the HTTP edge."""

    trusted_proxies: tuple[Proxy, ...] = ()
    """CIDR blocks of reverse proxies whose X-Forwarded-For is trusted; `unix:` for one that connects by `unix_socket`.

    A request from such a proxy without a client's address counts as from no network, so it needs a key. List only the
    proxies, not the networks of callers."""

    hosts: tuple[HostName, ...] = ()
    """Names by which requests without a key may address this service, such as lingpai.internal or .svc.cluster.local
    (each name below it).

    IP addresses, localhost, names of one label and the name in public_url are always allowed. This prevents DNS
    rebinding: a web page could point a host name of its own at this service, to have browsers in trusted networks call
    it."""

    body_limit: Annotated[int, Field(ge=1024)] = 64 * 1024
    """Largest request body in bytes."""

    body_timeout: Seconds = 10.0
    """Seconds within which a request body must arrive."""

    connections: Annotated[int, Field(ge=1)] = 10_000
    """Open connections of one worker at most. One more closes the connection that has been idle longest, or is closed
    itself when none is idle. Where the system allows few descriptors the limit is lower, because the store and calls
    of platforms need some."""

    connections_by_address: Annotated[int, Field(ge=1)] = 1_000
    """The same from one address (IPv6: from one /64 network), and at most three quarters of all.

    It does not apply to addresses in `trusted_proxies`."""

    lean: bool = True
    """No effect. Still accepted, so that existing settings stay valid."""

    log_successes: bool = False
    """Whether successful requests are logged too; failed ones always are."""

    metrics_networks: tuple[Network, ...] = PRIVATE_NETWORKS
    """CIDR blocks from which /metrics may be read. A reverse proxy must be in trusted_proxies too; otherwise all
    requests seem to come from it."""


class AdminSettings(Section):
    """The admin API, on a listener of its own: never a route of the service's port.

    Make the first key with `lingpai admin add NAME --role owner`.
    """

    listen: AdminAddress = ""
    """Where it listens: HOST:PORT such as 127.0.0.1:8010, [::1]:8010 or unix:PATH (mode 0600); nowhere when empty.

    Anything but a loopback address or a Unix socket needs `tls_certificate`, or `behind_tls`: keys would be readable on
    the way."""

    tls_certificate: Path | None = None
    """PEM file of its certificate, followed by those that signed it."""

    tls_key: Path | None = None
    """PEM file of its private key, without a passphrase."""

    behind_tls: bool = False
    """Whether a reverse proxy in front of it does TLS. List the proxy in `edge.trusted_proxies`."""

    networks: tuple[Network, ...] = ()
    """CIDR blocks that its requests may come from; any when empty. Keys may have networks of their own."""

    hosts: tuple[HostName, ...] = ()
    """Names by which it may be addressed, besides IP addresses, localhost and names of one label.

    This prevents DNS rebinding, as `edge.hosts` does."""

    bootstrap_key_file: Path | None = None
    """File to write the first admin key to (role owner, mode 0600), for containers.

    It is made when the service starts and there never was an admin key, and ends when `lingpai admin add` makes another
    one. An existing file is left as it is, and then no key is made."""

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("admin.tls_certificate and admin.tls_key go together")
        if not self.listen or self.listen.startswith(UNIX) or self.behind_tls or self.tls_certificate:
            return self
        if not is_loopback(self.place()[0]):
            raise ValueError(
                "admin.listen is not a loopback address, so it needs admin.tls_certificate and admin.tls_key, or "
                "admin.behind_tls"
            )
        return self

    def place(self) -> tuple[str, int]:
        """Return host and port; of a Unix socket its path and 0."""
        if self.listen.startswith(UNIX):
            return self.listen.removeprefix(UNIX), 0
        host, _, port = self.listen.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    @property
    def secure(self) -> bool:
        """Whether browsers use https."""
        return self.behind_tls or self.tls_certificate is not None

    @property
    def origin(self) -> str:
        """Scheme, host and port under which browsers reach it; the first of `hosts` where there is one.

        "" when it does not listen, or on a Unix socket alone.
        """
        host, port = self.place() if self.listen else ("", 0)
        scheme = "https" if self.secure else "http"
        if self.behind_tls:
            return f"{scheme}://{self.hosts[0]}" if self.hosts else ""
        if not port:
            return ""
        name = self.hosts[0] if self.hosts else f"[{host}]" if ":" in host else host
        return f"{scheme}://{name}:{port}"

    def files(self) -> CertificateFiles | None:
        """Return where the certificate is, or None for plain HTTP."""
        if self.tls_certificate is None or self.tls_key is None:
            return None
        return CertificateFiles(self.tls_certificate, self.tls_key)


class TlsSettings(Section):
    """TLS of the service itself; without it, let a reverse proxy do it.

    Both files are read again within a second after they changed, for new connections; files that do not fit together
    change nothing.
    """

    certificate: Path | None = None
    """PEM file of the certificate, followed by those that signed it (`fullchain.pem`); plain HTTP when not set."""

    key: Path | None = None
    """PEM file of its private key, without a passphrase."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("tls.certificate and tls.key go together")
        return self

    def files(self) -> CertificateFiles | None:
        """Return where the certificate is, or None for plain HTTP."""
        if self.certificate is None or self.key is None:
            return None
        return CertificateFiles(self.certificate, self.key)
