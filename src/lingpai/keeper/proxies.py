"""The proxy by which a platform is reached: of its settings, or else of the environment.

The environment's are HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, and NO_PROXY for what is reached without.
"""

import urllib.request
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from lingpai.keeper.platforms.way_out import ANY_WAY, DIRECT, SOCKS, WayOut


class Proxy(NamedTuple):
    """A proxy; `variable` is the setting or the variable of the environment that names it."""

    url: str
    variable: str

    @property
    def shown(self) -> str:
        """Its address without name and password."""
        return without_userinfo(self.url)

    @property
    def is_socks(self) -> bool:
        """True when it speaks SOCKS, not HTTP."""
        return urlsplit(self.url).scheme in SOCKS


def proxy_for(url: str, way: WayOut = ANY_WAY) -> Proxy | None:
    """Return the proxy for an absolute http or https address, or None for none.

    The environment is read at each call, as curl and most clients do; `no_proxy` has hosts, domains and `*`, separated
    by commas.
    """
    if way.proxy:
        return None if way.proxy == DIRECT else Proxy(way.proxy, f"{way.setting}.proxy")
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
