"""The login session of a browser, from its cookie (attacks B20).

Each realm has a cookie of its own, so two realms on one host do not log each other's users out.
"""

import re

from lingpai.core.wire import Call
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.sessions import OpenSession, read_session

_ODD = re.compile(r"[^A-Za-z0-9_-]")
_BROWSER = re.compile(r"[0-9a-f]{32}")


def session_cookie(realm: str) -> str:
    """The name of a realm's session cookie (a token of RFC 6265 §4.1.1)."""
    return "lingpai-session-" + _ODD.sub("_", realm)


def known_cookie(realm: str) -> str:
    """The name of the cookie by which a realm knows a browser again that has logged in before."""
    return "lingpai-known-" + _ODD.sub("_", realm)


def known_browser(issuer: Issuer, call: Call) -> str | None:
    """What a browser is known by, or None when it brings nothing of that form."""
    found = cookie_of(call, known_cookie(issuer.realm))
    return found if found is not None and _BROWSER.fullmatch(found) else None


def cookie_of(call: Call, name: str) -> str | None:
    """The value of a cookie, or None when there is none.

    None also when it came with two values: one of them was then planted from a neighbouring host (RFC 6265
    §8.6), and nobody can tell which.
    """
    pairs = (pair.strip().partition("=") for pair in (call.header("cookie") or "").split(";"))
    values = {value for key, _, value in pairs if key == name}
    return values.pop() if len(values) == 1 else None


async def session_of(issuer: Issuer, call: Call) -> OpenSession | None:
    """The session that a request comes with, or None when it has none that counts.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    handle = cookie_of(call, session_cookie(issuer.realm))
    return await read_session(issuer, handle) if handle else None
