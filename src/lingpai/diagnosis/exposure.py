"""Check which addresses the settings expose, and which connections are not encrypted."""

import ipaddress
import os
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from lingpai.keeper.platforms.registry import platform_types
from lingpai.messages.translating import tr
from lingpai.operating.findings import Finding
from lingpai.settings import Settings
from lingpai.settings.sections import UNIX

_TLS = ("verify-ca", "verify-full")


def check_exposure(settings: Settings) -> list[Finding]:
    """Return the problems of addresses, networks and encryption, with remedies; uses no network."""
    return [*_public_url(settings), *_networks(settings), *_strangers(settings), *_in_clear(settings)]


def _warn(name: str, message: str, remedy: str) -> Finding:
    return Finding("exposure", name, "warn", message, remedy)


def _public_url(settings: Settings) -> Iterator[Finding]:
    if settings.public_url is None:
        if not is_local(settings.host) or settings.edge.trusted_proxies:
            yield _warn(
                "public_url",
                tr("It is not set: cookies are not Secure, and links contain the listening address."),
                tr("Set public_url to the address that browsers use, such as https://tokens.example.com."),
            )
        return
    parts = urlsplit(settings.public_url)
    if parts.scheme == "http" and not is_local(parts.hostname or ""):
        yield _warn(
            "public_url",
            tr("It is plain http: passwords, codes and session cookies are sent unencrypted."),
            tr(
                "Put a proxy with TLS in front, or set tls.certificate and tls.key, and set public_url to the "
                "https address."
            ),
        )


def _networks(settings: Settings) -> Iterator[Finding]:
    harm = {
        "keeper.trusted_networks": (
            settings.keeper.trusted_networks,
            tr("It contains public addresses: anybody there gets every token without a key."),
        ),
        "edge.trusted_proxies": (
            settings.edge.trusted_proxies,
            tr("It contains public addresses: anybody there can pretend to be any address."),
        ),
        "edge.metrics_networks": (
            settings.edge.metrics_networks,
            tr("It contains public addresses: anybody there can read account names and metrics."),
        ),
    }
    for name, (networks, message) in harm.items():
        public = [each for each in networks if each != UNIX and _is_public(each)]
        if public:
            yield Finding(
                "exposure",
                name,
                "fail"
                if any(ipaddress.ip_network(each, strict=False).prefixlen == 0 for each in public)
                else "warn",
                f"{message} ({', '.join(public)})",
                tr("Name only your own networks, preferably single addresses."),
            )


def _strangers(settings: Settings) -> Iterator[Finding]:
    if settings.keeper.allow_unconfigured and not is_local(settings.host):
        yield _warn(
            "keeper.allow_unconfigured",
            tr(
                "Callers may use accounts that are not configured, and so this machine's "
                "address at the platforms."
            ),
            tr("Set keeper.allow_unconfigured = false once all accounts are configured."),
        )


def _in_clear(settings: Settings) -> Iterator[Finding]:
    for name in platform_types():
        url = urlsplit(settings.platform(name).base_url or "")
        if url.scheme == "http" and not is_local(url.hostname or ""):
            yield _warn(
                f"{name}.base_url",
                tr("It is plain http: secrets and tokens are sent unencrypted to {host}.", host=url.hostname),
                tr("Use the https address of the platform or of your forward proxy."),
            )
    redis = urlsplit(settings.redis.url.get_secret_value()) if settings.redis.url else None
    if redis is not None and redis.scheme == "redis" and not is_local(redis.hostname or ""):
        yield _warn(
            "redis.url",
            tr("Cached tokens are sent unencrypted to {host}.", host=redis.hostname),
            tr("Use a rediss:// address."),
        )
    dsn = settings.store_address.dsn
    if dsn is not None:
        yield from _database(dsn)


def _database(dsn: str) -> Iterator[Finding]:
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    hosts = parts.netloc.rpartition("@")[2].split(",") + query.get("host", [""])[0].split(",")
    remote = [each for each in hosts if each and not is_local(each.rpartition(":")[0] or each)]
    mode = query.get("sslmode", [os.environ.get("PGSSLMODE", "prefer")])[0]
    if remote and mode not in _TLS:
        yield _warn(
            "store",
            tr(
                "PostgreSQL is not verified by TLS (sslmode is {mode}): anybody in between can "
                "read everything.",
                mode=mode,
            ),
            tr("Add ?sslmode=verify-full to the address, and give the server a certificate."),
        )


def is_local(host: str) -> bool:
    """Return whether a host of an address is this host: loopback, or a socket's folder."""
    bare = host.strip("[]")
    if bare in ("", "localhost") or bare.startswith("/") or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def _is_public(text: str) -> bool:
    network = ipaddress.ip_network(text, strict=False)
    return not (network.is_private or network.is_loopback or network.is_link_local)
