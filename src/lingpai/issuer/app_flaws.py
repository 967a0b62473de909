"""What is wrong with an app that an operator describes."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from lingpai.core.flaws import Flaw, flaws_of
from lingpai.core.hosts import is_host
from lingpai.core.issuer_records import App
from lingpai.core.networks import is_network
from lingpai.issuer.checks import check_app, check_label
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.redirects import check_registrable

_WORD: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def app_flaws(app: App) -> list[Flaw]:
    """Return what is wrong with an app in any realm. Its id may be "" (made later)."""
    return [*_names(app), *_addresses(app), *_words(app)]


def _names(app: App) -> Iterator[Flaw]:
    if app.app_id and flaws_of("app_id", check_label, app.app_id, "app_id"):
        yield Flaw("app_id", f"{app.app_id!r} is not an app id: no blanks, no slash.")
    bare = msgspec.structs.replace(app, app_id="", redirect_uris=())
    yield from flaws_of("name", check_app, bare)


def _addresses(app: App) -> Iterator[Flaw]:
    for uri in app.redirect_uris:
        if flaws_of("redirect_uris", check_registrable, uri):
            text = (
                f"{uri!r} cannot be a redirect URI: use https, http on a loopback address, or a scheme with a dot; no "
                "fragment, no user name."
            )
            yield Flaw("redirect_uris", text)
    for domain in app.domains:
        if not is_host(domain):
            yield Flaw("domains", f"{domain!r} is not a host name such as www.example.com.")
    for network in app.networks:
        if not is_network(network):
            yield Flaw("networks", f"{network!r} is not a network such as 10.0.0.0/8.")


def _words(app: App) -> Iterator[Flaw]:
    known = dict.fromkeys(grant for each in dialects().values() for grant in each.grants)
    for grant in app.grants:
        if grant not in known:
            names = ", ".join(known)
            yield Flaw("grants", f"There is no grant type {grant}; known types: {names}.")
    for field in ("scopes", "permissions"):
        for word in getattr(app, field):
            if not _WORD.fullmatch(word):
                yield Flaw(field, f"{word!r} is not a single word without blanks and quotes.")
