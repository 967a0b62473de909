"""Check apps, users and terminals before they are stored."""

import re
from collections.abc import Callable

import msgspec

from lingpai.cli.checking import is_host, is_network
from lingpai.cli.messages import tr, tr_reason
from lingpai.core.errors import LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer.checks import check_app, check_label, check_login, check_password, check_password_hash
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.redirects import check_registrable

_WORD = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def app_problems(app: App) -> list[str]:
    """Return the problems of an app, in the user's language. Its id may be "" (made later)."""
    problems = []
    if app.app_id and _refusal(check_label, app.app_id, "app_id"):
        problems.append(tr("{text} is not an app id: no blanks, no slash.", text=repr(app.app_id)))
    problems += _refusal(check_app, msgspec.structs.replace(app, app_id="", redirect_uris=()))
    problems += [
        tr(
            "{text} cannot be a redirect URI: use https, http on a loopback address, or a "
            "scheme with a dot; no fragment, no user name.",
            text=repr(uri),
        )
        for uri in app.redirect_uris
        if not _registrable(uri)
    ]
    problems += [
        tr("{text} is not a host name such as www.example.com.", text=repr(domain))
        for domain in app.domains
        if not is_host(domain)
    ]
    problems += [
        tr("{text} is not a network such as 10.0.0.0/8.", text=repr(network))
        for network in app.networks
        if not is_network(network)
    ]
    known = dict.fromkeys(grant for each in dialects().values() for grant in each.grants)
    problems += [
        tr("There is no grant type {name}; known types: {known}.", name=grant, known=", ".join(known))
        for grant in app.grants
        if grant not in known
    ]
    return problems + [
        tr("{text} is not a single word without blanks and quotes.", text=repr(word))
        for word in (*app.scopes, *app.permissions)
        if not _WORD.fullmatch(word)
    ]


def login_problems(login: str) -> list[str]:
    """Return the problems of a login name."""
    found = _refusal(check_login, login)
    return [tr("{text} is not a login name.", text=repr(login)), *found] if found else []


def password_problems(password: str, least: int = 0) -> list[str]:
    """Return the problems of a password that needs `least` characters."""
    return _refusal(check_password, password, least)


def hash_problems(password_hash: str) -> list[str]:
    """Return the problems of a hash that another system made of a password."""
    return _refusal(check_password_hash, password_hash)


def terminal_problems(code: str) -> list[str]:
    """Return the problems of a terminal's code."""
    if _refusal(check_label, code, "machine_code"):
        return [tr("{text} is not a terminal's code: no blanks, no slash.", text=repr(code))]
    return []


def _refusal(check: Callable[..., object], *given: object) -> list[str]:
    """Return the error of an issuer's check, in the user's language; nothing when it passes."""
    try:
        check(*given)
    except LingpaiError as error:
        return [tr_reason(error.reason)]
    return []


def _registrable(uri: str) -> bool:
    return not _refusal(check_registrable, uri)
