"""Checks of names, texts and passwords before they are stored, from any source.

A name with an invisible character misleads its reader, and one with NUL cannot be stored in a text column.
"""

import re
from collections.abc import Iterable

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Client, Resource
from lingpai.core.names import hides, tidy
from lingpai.core.user_records import Profile, UserClaims
from lingpai.issuer.foreign_hashes import UnknownHashError, read_hash
from lingpai.issuer.passwords import MAX_PASSWORD, normal
from lingpai.issuer.redirects import check_registrable

MAX_LOGIN = 128
MAX_LABEL = 64
"""Characters of an app's id and a terminal's code."""
MAX_OPEN_ID = 256
"""Most characters of an open_id; clients reserve no more."""
MAX_TEXT = 256
"""Characters of names that are shown."""
MAX_RESOURCE = 512
"""Characters of the URI of a resource server: a few of them travel in one address."""
LEAST_ACCESS, MOST_ACCESS = 60, 3600
"""Seconds that tokens for a resource server live; longer ones would outlive the published half of their key."""
MAX_ADDRESS = 2048
"""Characters of the address of a picture."""

_LABEL = re.compile(r"[^\s/]+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x22\x24-\x7e]+")
_SCOPE_WORD = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_BIRTHDATE = re.compile(r"\d{4}(-\d{2}-\d{2})?")
_VISIBLE = re.compile(r"[\x21-\x7e]+")


def check_login(login: str) -> str:
    """Return a login name for the store (`core.names.tidy`).

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    kept = tidy(login)
    if not kept:
        raise _invalid("A login name needs a visible character.", "login")
    if len(kept) > MAX_LOGIN:
        raise _invalid(f"A login name may have {MAX_LOGIN} characters at most.", "login")
    if hides(kept):
        raise _invalid("A login name may not contain control, zero-width or direction characters.", "login")
    return kept


def check_password(password: str, least: int) -> str:
    """Return a password, unless it has fewer than `least` characters or too many.

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    if len(normal(password)) < least:
        raise _invalid(f"A password needs {least} characters at least.", "password")
    if len(password) > MAX_PASSWORD:
        raise _invalid(f"A password may have {MAX_PASSWORD} characters at most.", "password")
    return password


def check_password_hash(password_hash: str) -> str:
    """Return the hash of a password that another system made.

    Raises:
        LingpaiError: INVALID_PARAMETER when it is of no known kind, or costs too much to verify.
    """
    try:
        read_hash(password_hash)
    except UnknownHashError as error:
        raise _invalid(str(error), "password_hash") from error
    return password_hash


def check_open_id(open_id: str) -> str:
    """Return an open_id of another service, if it is valid.

    Raises:
        LingpaiError: INVALID_OPEN_ID.
    """
    if len(open_id) > MAX_OPEN_ID or not _VISIBLE.fullmatch(open_id):
        raise LingpaiError(
            Kind.INVALID_OPEN_ID,
            f"An open_id has 1 to {MAX_OPEN_ID} ASCII letters, digits and punctuation marks.",
            parameter="open_id",
        )
    return open_id


def check_app(app: App) -> None:
    """Refuse an app that cannot be stored. Its id may be "" (made later).

    The id of one that is stored is not looked at: it cannot change, and may be the address of a client document.

    Raises:
        LingpaiError: INVALID_PARAMETER, INVALID_REDIRECT_URI.
    """
    if app.app_id and not app.id:
        check_label(app.app_id, "app_id")
    _check_texts({"name": app.name, "owner": app.owner}, MAX_TEXT)
    for uri in app.redirect_uris:
        check_registrable(uri)
    _check_words("domains", app.domains)
    _check_words("networks", app.networks)
    _check_words("grants", app.grants)
    _check_words("scopes", app.scopes)
    _check_words("permissions", app.permissions)
    _check_logout(app.client)
    sector = app.client.sector_identifier_uri
    if sector and not is_fetchable(sector):
        raise _invalid(
            "A sector_identifier_uri is an https address without user, fragment and odd characters.",
            "sector_identifier_uri",
        )


def _check_logout(client: Client) -> None:
    """Refuse addresses of a client's logout: those for browsers are held to the rules of redirect URIs."""
    for uri in client.post_logout_redirect_uris:
        check_registrable(uri, "post_logout_redirect_uris")
    if client.backchannel_logout_uri and not is_fetchable(client.backchannel_logout_uri):
        raise _invalid(
            "A backchannel_logout_uri is an https address without user, fragment and odd characters.",
            "backchannel_logout_uri",
        )


def is_fetchable(url: str) -> bool:
    """Return whether an address is one that the service may call for a client (`fetcher.check_fetchable`)."""
    # The command line starts without an HTTP client.
    from lingpai.issuer.fetcher import FetchError, check_fetchable  # noqa: PLC0415

    try:
        check_fetchable(url)
    except FetchError:
        return False
    return True


def check_resource(resource: Resource) -> None:
    """Refuse a resource server that cannot be stored: its URI is absolute and has no fragment (RFC 8707 §2).

    Raises:
        LingpaiError: INVALID_TARGET, INVALID_PARAMETER.
    """
    uri = resource.uri
    if len(uri) > MAX_RESOURCE or not _ABSOLUTE.fullmatch(uri):
        raise LingpaiError(
            Kind.INVALID_TARGET,
            f"A resource is an absolute URI of {MAX_RESOURCE} ASCII characters at most, without a fragment.",
            parameter="resource",
        )
    _check_texts({"name": resource.name}, MAX_TEXT)
    for word in resource.scopes:
        if not _SCOPE_WORD.fullmatch(word) or len(word) > MAX_LABEL:
            raise _invalid(f"A scope is a word of {MAX_LABEL} characters at most.", "scopes")
    if resource.access and not LEAST_ACCESS <= resource.access <= MOST_ACCESS:
        raise _invalid(
            f"Access tokens for a resource live for {LEAST_ACCESS} to {MOST_ACCESS} seconds.", "access"
        )


def check_profile(profile: Profile) -> None:
    """Refuse a profile that cannot be stored.

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    _check_texts({"nick": profile.nick, "sex": profile.sex, "seller_name": profile.seller_name}, MAX_TEXT)
    _check_texts({"avatar": profile.avatar}, MAX_ADDRESS)


def check_claims(claims: UserClaims) -> None:
    """Refuse claims that a user cannot have.

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    fields = msgspec.to_builtins(claims)
    texts = fields | fields.pop("address", {})
    _check_texts({name: text for name, text in texts.items() if isinstance(text, str)}, MAX_ADDRESS)
    if claims.email and not _EMAIL.fullmatch(claims.email):
        raise _invalid("An e-mail address has one @, and no blanks.", "email")
    if claims.birthdate and not _BIRTHDATE.fullmatch(claims.birthdate):
        raise _invalid("A date of birth is written as 1990-12-31, 0000-12-31 or 1990.", "birthdate")


def check_terminal(machine_code: str, name: str, msign: str) -> None:
    """Refuse a terminal that cannot be stored.

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    check_label(machine_code, "machine_code")
    _check_texts({"name": name, "msign": msign}, MAX_TEXT)


def check_label(label: str, parameter: str) -> str:
    """Return an app's id, or a terminal's code.

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    if len(label) > MAX_LABEL or not _LABEL.fullmatch(label) or hides(label):
        raise _invalid(
            f"{parameter} has 1 to {MAX_LABEL} visible characters, without blanks and slashes.",
            parameter,
        )
    return label


def _check_texts(texts: dict[str, str], most: int) -> None:
    for parameter, text in texts.items():
        if len(text) > most:
            raise _invalid(f"{parameter} may have {most} characters at most.", parameter)
        if hides(text):
            raise _invalid(
                f"{parameter} may not contain control, zero-width or direction characters.", parameter
            )


def _check_words(parameter: str, words: Iterable[str]) -> None:
    for word in words:
        if len(word) > MAX_ADDRESS or hides(word):
            raise _invalid(
                f"{parameter} may not contain control, zero-width or direction characters.", parameter
            )


def _invalid(reason: str, parameter: str) -> LingpaiError:
    return LingpaiError(Kind.INVALID_PARAMETER, reason, parameter=parameter)
