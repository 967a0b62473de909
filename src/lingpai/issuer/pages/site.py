"""The address of the pages, and the protection of their cookies and forms (threats B17, B20, G69)."""

from datetime import tzinfo
from urllib.parse import urlsplit

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call
from lingpai.issuer.authorizations import Pairs
from lingpai.issuer.pages.brand import Brand
from lingpai.issuer.policy import HOUR

_YEAR = 365 * 24 * HOUR


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """The site of a realm's pages; never taken from a request's `Host` (threat G69).

    Attributes:
        origin: scheme, host and port under which browsers reach this service.
        prefix: the path before the pages, such as "/user/yzb".
        brand: what the operator shows of themselves.
        opener: whether pages may be shown in windows of other pages, and send them messages (the JS bridge).
        zone: of the times that are shown; the machine's own when None.
        login: address of the operator's own site that logs users in, or "".
    """

    origin: str
    prefix: str
    brand: Brand = Brand()
    opener: bool = False
    zone: tzinfo | None = None
    login: str = ""

    @property
    def url(self) -> str:
        """The address of the pages; to a site that logs users in, the realm's name."""
        return self.origin + self.prefix

    @property
    def secure(self) -> bool:
        """True when browsers use https, so that cookies are for TLS only.

        Browsers drop such cookies on plain http, whatever the host, so logins would fail.
        """
        return urlsplit(self.origin).scheme == "https"

    def cookie(self, name: str, value: str) -> Pairs:
        """Return a header that sets a cookie of this host until the browser is closed; an empty value removes it."""
        return self._set(name, value, "" if value else "; Max-Age=0")

    def lasting_cookie(self, name: str, value: str) -> Pairs:
        """Return a header that sets a cookie for a year."""
        return self._set(name, value, f"; Max-Age={_YEAR}")

    def _set(self, name: str, value: str, lifetime: str) -> Pairs:
        secure = "; Secure" if self.secure else ""
        return (("set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{lifetime}{secure}"),)


def check_sender(call: Call) -> None:
    """Refuse a form that another site's page sent, if the browser shows it (W3C Fetch Metadata).

    `Origin` cannot be used: our own pages do not send it, because of their `Referrer-Policy: no-referrer`.

    Raises:
        LingpaiError: FORGED_FORM.
    """
    if call.header("sec-fetch-site") in {"cross-site", "same-site"}:
        raise LingpaiError(Kind.FORGED_FORM, "Another site's page sent this form.")


def goes_to(uri: str) -> str:
    """Return the destination of a response to show the user: the origin of a redirect URI, or its private scheme."""
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"}:
        return parts.scheme + ":"
    return f"{parts.scheme}://{parts.netloc}"
