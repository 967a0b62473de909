"""The proxy by which a platform is reached, as the environment says: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY."""

import urllib.request
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit


class Proxy(NamedTuple):
    """A proxy; `variable` is what named it."""

    url: str
    variable: str

    @property
    def shown(self) -> str:
        """Its address without name and password."""
        return without_userinfo(self.url)


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for an absolute http or https address, or None for none.

    Read at each call, as curl and most clients do; `no_proxy` has hosts, domains and `*`, separated by commas.
    """
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    named = urllib.request.getproxies()
    for scheme in (parts.scheme, "all"):
        proxy = named.get(scheme)
        if proxy:
            return Proxy(proxy if "://" in proxy else f"http://{proxy}", f"{scheme}_proxy".upper())
    return None


def without_userinfo(url: str) -> str:
    """Return an address without user name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
