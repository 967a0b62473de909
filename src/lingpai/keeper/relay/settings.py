"""Relays and environments as operators set them: their fields, what is wrong with one, and their documents."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from lingpai.core.fields import Fields
from lingpai.core.flaws import Flaw
from lingpai.core.message_crypto import KEY_FORM
from lingpai.core.moments import moment
from lingpai.core.names import is_name
from lingpai.core.relays import Environment, Relay, Waiting
from lingpai.keeper.accounts import MAX_LABEL
from lingpai.keeper.callers import apps_flaws
from lingpai.keeper.platforms.platform import Platform

RELAY_FIELDS: Final = Fields(
    Relay, "token", "aes_key", "former_aes_key", secrets=("token", "aes_key", "former_aes_key")
)
FIELDS: Final = Fields(
    Environment,
    *("app", "redirect_uris", "url", "primary", "types", "senders", "token", "aes_key"),
    secrets=("token", "aes_key"),
)
MOST_URI: Final = 1024
MOST_URL: Final = 1024
_TOKEN: Final = re.compile(r"[A-Za-z0-9]{3,32}")
_TYPE: Final = re.compile(r"[A-Za-z0-9_*]{1,64}(/[A-Za-z0-9_*]{1,64}(/[\x21-\x7e]{1,128})?)?")
_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
"""Characters of addresses (RFC 3986 §2)."""


def relay_flaws(platforms: Mapping[str, Platform], relay: Relay) -> list[Flaw]:
    """Return what is wrong with a relay."""
    return list(_relay_flaws(platforms, relay))


def _relay_flaws(platforms: Mapping[str, Platform], relay: Relay) -> Iterator[Flaw]:
    yield from _app_flaws(platforms, relay.app)
    if not _TOKEN.fullmatch(relay.token):
        yield Flaw("token", "The token is the 3 to 32 letters and digits that were entered at the platform.")
    for name in ("aes_key", "former_aes_key"):
        key = getattr(relay, name)
        if key and not KEY_FORM.fullmatch(key):
            yield Flaw(name, "An EncodingAESKey has 43 letters and digits.")
    if relay.former_aes_key and not relay.aes_key:
        yield Flaw("former_aes_key", "There is no former EncodingAESKey without a current one.")


def environment_flaws(platforms: Mapping[str, Platform], each: Environment) -> list[Flaw]:
    """Return what is wrong with an environment."""
    return list(_environment_flaws(platforms, each))


def _environment_flaws(platforms: Mapping[str, Platform], each: Environment) -> Iterator[Flaw]:
    if not is_name(each.name) or len(each.name) > MAX_LABEL:
        yield Flaw("name", f"{each.name!r} is not a name: no blanks, no slash.")
    yield from _app_flaws(platforms, each.app)
    for uri in each.redirect_uris:
        if not _is_address(uri, MOST_URI):
            yield Flaw("redirect_uris", f"{uri!r} is not an http or https address without user and fragment.")
    if each.url and not _is_address(each.url, MOST_URL):
        yield Flaw("url", "The address must be an http or https address without user and fragment.")
    for pattern in each.types:
        if not _TYPE.fullmatch(pattern):
            yield Flaw("types", f"{pattern!r} is not a type such as text, event/CLICK or event/CLICK/menu_*.")
    if not 1 <= each.senders <= 100:  # noqa: PLR2004  percent
        yield Flaw("senders", "The percent of senders is 1 to 100.")
    yield from _own_flaws(each)
    if not each.url and not each.redirect_uris:
        yield Flaw("url", "An environment needs an address for messages or one that logins go back to.")


def _own_flaws(each: Environment) -> Iterator[Flaw]:
    """Return what is wrong with an environment's own token and key."""
    if each.token and not _TOKEN.fullmatch(each.token):
        yield Flaw("token", "The token is 3 to 32 letters and digits.")
    if each.aes_key and not KEY_FORM.fullmatch(each.aes_key):
        yield Flaw("aes_key", "An EncodingAESKey has 43 letters and digits.")
    if each.aes_key and not each.token:
        yield Flaw("aes_key", "An environment with a key of its own needs a token of its own.")


def _app_flaws(platforms: Mapping[str, Platform], app: str) -> Iterator[Flaw]:
    if "*" in app or not app:
        yield Flaw("app", "Name one account: platform/account or platform/account/label.")
        return
    for flaw in apps_flaws(platforms, (app,)):
        yield Flaw("app", flaw.text)
    platform = platforms.get(app.partition("/")[0])
    if platform is not None and platform.login is None:
        known = ", ".join(name for name, each in platforms.items() if each.login is not None)
        yield Flaw("app", f"Accounts of {platform.name} cannot be relayed; those of these can: {known}.")


def _is_address(url: str, most: int) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    named = parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0
    plain = bool(_URL.fullmatch(url)) and len(url) <= most
    return plain and named and "@" not in parts.netloc and "#" not in url


def relay_document(relay: Relay, origin: str) -> dict[str, Any]:
    """Return a relay as a JSON document; `origin` is this service's."""
    return {
        "relay": relay.app,
        "messages_url": f"{origin}/relay/{relay.app}/messages",
        "encrypted": bool(relay.aes_key),
        "former_key": bool(relay.former_aes_key),
        "created_at": moment(relay.created_at),
    }


def environment_document(each: Environment, waiting: Waiting | None, origin: str) -> dict[str, Any]:
    """Return an environment as a JSON document, with what waits for it."""
    platform, account, *_ = each.app.split("/")
    return {
        "environment": each.name,
        **FIELDS.shown(each),
        "signed_anew": bool(each.token),
        "encrypted_anew": bool(each.aes_key),
        "authorize_url": f"{origin}/relay/{platform}/{account}/authorize" if each.redirect_uris else "",
        "waiting": 0 if waiting is None else waiting.count,
        "failures": each.failures,
        "problem": each.problem,
        "next_attempt_at": moment(each.next_at) if each.failures and each.next_at else None,
        "created_at": moment(each.created_at),
    }
