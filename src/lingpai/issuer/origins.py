"""Origins of web pages: which of them are an app's."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from lingpai.core.origins import origin_of
from lingpai.issuer.redirects import LOOPBACK


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
