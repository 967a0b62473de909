"""The cookie by which a browser is known: a login session's, or, before any login, a visitor's (threat B20).

Each realm of each installation has a cookie of its own name, for cookies do not tell ports apart (RFC 6265 §8.5): two
realms, or two services, on one host do not log each other's users out. Under https the name begins with `__Host-`, so
that no neighbouring host of the same domain can plant one (RFC 6265bis §4.1.3.2).
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
    """The name of a realm's cookie (a token of RFC 6265 §4.1.1).

    Args:
        issuer: the realm.
        secure: whether browsers come by https.
    """
    tag = issuer.digest_other("cookie")[:_TAG_BYTES].hex()
    return host_only(f"lingpai-session-{_ODD.sub('_', issuer.realm)}-{tag}", secure=secure)


def host_only(name: str, *, secure: bool) -> str:
    """A cookie's name that no other host can plant, where browsers know such names: under https."""
    return f"__Host-{name}" if secure else name


def known_cookie(realm: str, *, secure: bool) -> str:
    """The name of the cookie by which a realm knows a browser again that has logged in before."""
    return host_only("lingpai-known-" + _ODD.sub("_", realm), secure=secure)


def known_browser(issuer: Issuer, call: Call, *, secure: bool) -> str | None:
    """What a browser is known by, or None when it brings nothing of that form."""
    found = cookie_of(call, known_cookie(issuer.realm, secure=secure))
    return found if found is not None and _BROWSER.fullmatch(found) else None


def cookie_of(call: Call, name: str) -> str | None:
    """The value of a cookie, or None when there is none.

    None also when it came with two values: one of them was then planted from a neighbouring host (RFC 6265
    §8.6), and nobody can tell which.
    """
    pairs = (pair.strip().partition("=") for pair in (call.header("cookie") or "").split(";"))
    values = {value for key, _, value in pairs if key == name}
    return values.pop() if len(values) == 1 else None


def new_visitor(issuer: Issuer) -> str:
    """The cookie of a browser that has not logged in; nothing is stored of it."""
    return "v" + issuer.random_bytes(_VISITOR_BYTES).hex()


def is_visitor(value: str) -> bool:
    """Whether a cookie may be a visitor's."""
    return _VISITOR.match(value) is not None


async def session_of(issuer: Issuer, call: Call, *, secure: bool) -> OpenSession | None:
    """The session that a request comes with, or None when it has none that counts.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    handle = cookie_of(call, session_cookie(issuer, secure=secure))
    return await read_session(issuer, handle) if handle else None
