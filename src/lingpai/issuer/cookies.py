"""The cookie that identifies a browser: of a login session or, before any login, of a visitor (threat B20).

The cookie's name is different in each realm of each installation, because cookies do not depend on the port (RFC 6265
§8.5): two realms or services on one host do not log out each other's users. Under https the name begins with
`__Host-`, so that no other host of the same domain can set it (RFC 6265bis §4.1.3.2).
"""

import re

from lingpai.core.wire import Call
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.sessions import OpenSession, read_session

_ODD = re.compile(r"[^A-Za-z0-9_-]")
_BROWSER = re.compile(r"[0-9a-f]{32}")
_VISITOR = re.compile(r"v[0-9a-f]{32}\Z")
_VISITOR_BYTES = 16
_TAG_BYTES = 4


def session_cookie(issuer: Issuer, *, secure: bool) -> str:
    """Return the name of a realm's cookie (a token of RFC 6265 §4.1.1).

    Args:
        issuer: the realm.
        secure: whether browsers use https.
    """
    tag = issuer.digest_other("cookie")[:_TAG_BYTES].hex()
    return host_only(f"lingpai-session-{_ODD.sub('_', issuer.realm)}-{tag}", secure=secure)


def host_only(name: str, *, secure: bool) -> str:
    """Return a cookie's name that no other host can set; browsers support such names only under https."""
    return f"__Host-{name}" if secure else name


def known_cookie(realm: str, *, secure: bool) -> str:
    """Return the name of the cookie by which a realm recognises a browser that has logged in before."""
    return host_only("lingpai-known-" + _ODD.sub("_", realm), secure=secure)


def known_browser(issuer: Issuer, call: Call, *, secure: bool) -> str | None:
    """Return the id of a recognised browser, or None when the request has no valid one."""
    found = cookie_of(call, known_cookie(issuer.realm, secure=secure))
    return found if found is not None and _BROWSER.fullmatch(found) else None


def cookie_of(call: Call, name: str) -> str | None:
    """Return the value of a cookie, or None when there is none.

    Also None for two different values: another host of the domain may have set one of them (RFC 6265 §8.6), and the
    request does not show which.
    """
    pairs = (pair.strip().partition("=") for pair in (call.header("cookie") or "").split(";"))
    values = {value for key, _, value in pairs if key == name}
    return values.pop() if len(values) == 1 else None


def new_visitor(issuer: Issuer) -> str:
    """Return a new cookie for a browser that has not logged in; it is not stored."""
    return "v" + issuer.random_bytes(_VISITOR_BYTES).hex()


def is_visitor(value: str) -> bool:
    """Return whether a cookie has the form of a visitor's."""
    return _VISITOR.match(value) is not None


async def session_of(issuer: Issuer, call: Call, *, secure: bool) -> OpenSession | None:
    """Return the session of a request's cookie, or None when it has no valid one.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    handle = cookie_of(call, session_cookie(issuer, secure=secure))
    return await read_session(issuer, handle) if handle else None
