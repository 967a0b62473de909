"""Where the pages live, and how their cookies and forms are kept safe (threats B17, B20, G69)."""

from urllib.parse import urlsplit

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call
from lingpai.issuer.authorizations import Pairs
from lingpai.issuer.policy import HOUR

_YEAR = 365 * 24 * HOUR


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What the pages of a realm know about themselves; never learned from a request's `Host` (threat G69).

    Attributes:
        origin: scheme, host and port under which browsers reach us.
        prefix: where the pages are, such as "/user/yzb".
        title: the platform's name as people know it.
        opener: whether windows that other pages open may end up here, and answer them (the JS bridge).
        utc_offset: seconds that shown times are ahead of UTC.
    """

    origin: str
    prefix: str
    title: str = "Lingpai 令牌"
    opener: bool = False
    utc_offset: int = 8 * HOUR

    @property
    def secure(self) -> bool:
        """Whether browsers come by https, so that cookies are for TLS only.

        Browsers drop such cookies on plain http, whatever the host, and nobody could log in.
        """
        return urlsplit(self.origin).scheme == "https"

    def cookie(self, name: str, value: str) -> Pairs:
        """A header that sets a cookie until the browser is closed, for us alone; an empty value removes it."""
        return self._set(name, value, "" if value else "; Max-Age=0")

    def lasting_cookie(self, name: str, value: str) -> Pairs:
        """A header that sets a cookie for a year."""
        return self._set(name, value, f"; Max-Age={_YEAR}")

    def _set(self, name: str, value: str, lifetime: str) -> Pairs:
        secure = "; Secure" if self.secure else ""
        return (("set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{lifetime}{secure}"),)


def check_sender(call: Call) -> None:
    """Refuse a form that another site's page sent, as far as the browser tells (W3C Fetch Metadata).

    `Origin` would not do: our own pages send none, for they have `Referrer-Policy: no-referrer`.

    Raises:
        LingpaiError: FORGED_FORM.
    """
    if call.header("sec-fetch-site") in {"cross-site", "same-site"}:
        raise LingpaiError(Kind.FORGED_FORM, "Another site's page sent this form.")


def goes_to(uri: str) -> str:
    """Where an answer goes, as the user is shown it: the origin of a redirect URI, or the scheme of an app's own."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"}:
        return parts.scheme + ":"
    return f"{parts.scheme}://{parts.netloc}"
