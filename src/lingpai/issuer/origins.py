"""Origins of web pages: how browsers write them, and which of them are an app's."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from lingpai.issuer.redirects import LOOPBACK


def origin_of(url: str) -> str | None:
    """Return the origin of a page as browsers write it (RFC 6454 §6.2), or None when the url is not a page's."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = port in {None, {"http": 80, "https": 443}[parts.scheme]}
    return f"{parts.scheme}://{host}" + ("" if usual else f":{port}")


def is_within_domains(origin: str, domains: Iterable[str]) -> bool:
    """Return whether an origin's host is one of these domains.

    A domain is a host, `host:port`, or `*.example.com` for every host below.
    """
    netloc = urlsplit(origin).netloc if origin_of(origin) == origin else ""
    host = urlsplit(origin).hostname if netloc else None
    return host is not None and any(_matches(host, netloc, domain.lower()) for domain in domains)


def is_private(origin: str) -> bool:
    """Return whether the connection to an origin cannot be intercepted: https, or the browser's own host."""
    parts = urlsplit(origin)
    return parts.scheme == "https" or parts.hostname in {*LOOPBACK, "localhost"}


def _matches(host: str, netloc: str, domain: str) -> bool:
    if domain.startswith("*."):
        return host.endswith(domain[1:])
    return domain in {host, netloc}
