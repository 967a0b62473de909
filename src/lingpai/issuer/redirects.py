"""Redirect URIs: which may be registered, and which one gets the authorization response."""

import re
from collections.abc import Collection, Sequence
from urllib.parse import SplitResult, urlsplit

from lingpai.core.errors import Kind, LingpaiError

LOOPBACK = frozenset({"127.0.0.1", "::1"})
_LOCALHOST = "localhost"
_ODD = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\<>\"`{}|^]")
_FORBIDDEN_SCHEMES = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})


def check_registrable(uri: str, parameter: str = "redirect_uri") -> None:
    """Refuse a redirect URI that must not be registered (RFC 9700 §2.1, RFC 8252 §7; threats A4, A5).

    Plain http is for loopback; a private scheme needs a dot; no fragment, no user, no odd characters.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI.
    """
    parts = _split(uri)
    if parts is None or _ODD.search(uri) or "#" in uri or "@" in parts.netloc:
        raise _invalid(f"{uri!r} cannot be a redirect URI.", parameter)
    local = parts.hostname in LOOPBACK or parts.hostname == _LOCALHOST
    usable = {
        "https": bool(parts.hostname),
        "http": local,
    }.get(parts.scheme, "." in parts.scheme and parts.scheme not in _FORBIDDEN_SCHEMES)
    if not usable:
        raise _invalid(
            f"{uri!r} cannot be a redirect URI: use https, http on a loopback address, or a scheme with a dot.",
            parameter,
        )


def choose_redirect(
    registered: Sequence[str], given: str | None, *, loopback_ports: bool = False, localhost: bool = False
) -> str:
    """Return the given URI when it is registered, or the only registered one when none is given.

    URIs are compared as plain strings (threat A2); `loopback_ports` ignores the port of a loopback address (A3), and
    with `localhost` that of this name as well.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI when none can be chosen or it has a fragment, WRONG_REDIRECT_URI when it is
            not registered.
    """
    if not given:
        if len(registered) == 1:
            return registered[0]
        raise _invalid("No redirect URI was given, and the app does not have exactly one.")
    if "#" in given:
        raise _invalid("A redirect URI may not have a fragment.")
    if given in registered:
        return given
    hosts = LOOPBACK | {_LOCALHOST} if localhost else LOOPBACK
    if loopback_ports and _without_port(given, hosts) in [_without_port(uri, hosts) for uri in registered]:
        return given
    raise LingpaiError(
        Kind.WRONG_REDIRECT_URI, "The redirect URI is not registered for this app.", parameter="redirect_uri"
    )


def anybody_may_take(uri: str) -> bool:
    """Return whether another program on the user's device could receive a response to this URI (RFC 8252 §8.6).

    True for loopback addresses, whose ports any program can open, and for private schemes, which any can register.
    """
    parts = _split(uri)
    return parts is None or parts.scheme != "https" or parts.hostname in {*LOOPBACK, _LOCALHOST}


def _invalid(reason: str, parameter: str = "redirect_uri") -> LingpaiError:
    return LingpaiError(Kind.INVALID_REDIRECT_URI, reason, parameter=parameter)


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _without_port(uri: str, hosts: Collection[str]) -> object:
    """Return the URI without its port when it is http on one of these hosts.

    Otherwise something equal to nothing.
    """
    parts = _split(uri)
    if (
        parts is None
        or parts.scheme != "http"
        or parts.hostname not in hosts
        or "@" in parts.netloc
        or _ODD.search(uri)
    ):
        return object()
    return (parts.hostname, parts.path, parts.query)
