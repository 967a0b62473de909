"""Whether apps, users and terminals make sense, before they are stored."""

import re

from lingpai.cli.checking import MAX_LABEL, is_host, is_name, is_network
from lingpai.cli.messages import tr
from lingpai.core.errors import LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer.passwords import MAX_PASSWORD
from lingpai.issuer.redirects import check_registrable

GRANTS = ("authorization_code", "refresh_token", "client_credential", "client_credentials")
"""Grant types by the names that the dialects have for them."""
MAX_LOGIN = 128
MAX_OPEN_ID = 256
"""What clients reserve (contracts/yzb.md, "Rules")."""
_WORD = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def app_problems(app: App) -> list[str]:
    """What is wrong with an app, in the user's language; empty when nothing is. Its id may be "" (made later)."""
    problems = []
    if app.app_id and (not is_name(app.app_id) or len(app.app_id) > MAX_LABEL):
        problems.append(tr("{text} is not an app id: no blanks, no slash.", text=repr(app.app_id)))
    problems += [
        tr(
            "{text} cannot be a redirect URI: use https, http on a loopback address, or a scheme with a dot; "
            "no fragment, no user name.",
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
    known = ", ".join(GRANTS)
    problems += [
        tr("There is no grant type {name}; known are: {known}.", name=grant, known=known)
        for grant in app.grants
        if grant not in GRANTS
    ]
    return problems + [
        tr("{text} is not one word without blanks and quotes.", text=repr(word))
        for word in (*app.scopes, *app.permissions)
        if not _WORD.fullmatch(word)
    ]


def login_problems(login: str) -> list[str]:
    """What is wrong with a login name."""
    if not login.strip() or login != login.strip() or len(login) > MAX_LOGIN or not login.isprintable():
        return [tr("{text} is not a login name.", text=repr(login))]
    return []


def password_problems(password: str) -> list[str]:
    """What is wrong with a password."""
    if len(password) > MAX_PASSWORD:
        return [tr("A password may have {count} characters at most.", count=MAX_PASSWORD)]
    return []


def machine_problems(code: str) -> list[str]:
    """What is wrong with a terminal's code."""
    if not is_name(code) or len(code) > MAX_LABEL:
        return [tr("{text} is not a terminal's code: no blanks, no slash.", text=repr(code))]
    return []


def _registrable(uri: str) -> bool:
    try:
        check_registrable(uri)
    except LingpaiError:
        return False
    return True
