"""Flaws of an app that an operator describes."""

import re
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from lingpai.core.flaws import Flaw, flaws_of
from lingpai.core.hosts import is_host
from lingpai.core.issuer_records import App, Client
from lingpai.core.networks import is_network
from lingpai.issuer.checks import check_app, check_label, is_fetchable
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialect import Dialect
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.foreign_jose import has_private_keys, read_keys
from lingpai.issuer.redirects import check_registrable
from lingpai.issuer.sectors import sector_of

PRIVATE_KEY_JWT: Final = "private_key_jwt"
_WORD: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def app_flaws(app: App) -> list[Flaw]:
    """Return what is wrong with an app in any realm. Its id may be "" (made later)."""
    return [*_names(app), *_addresses(app), *_words(app), *flaws_of("client", sector_of, app)]


def _names(app: App) -> Iterator[Flaw]:
    if app.app_id and not app.id and flaws_of("app_id", check_label, app.app_id, "app_id"):
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


def client_flaws(issuer: Issuer, app: App) -> list[Flaw]:
    """Return what is wrong with what an app of the standard protocol sets itself, in this realm."""
    if app.public and not issuer.policy.public_clients:
        protocols = _protocols(lambda each: each.policy.public_clients)
        text = (
            f"The realm {issuer.realm} has no public clients: only the protocols {protocols} support PKCE. Leave out "
            "--public, and keep the app's secret on the app's own server."
        )
        return [Flaw("public", text)]
    return [*_methods(issuer, app), *_keys(app.client)]


def _methods(issuer: Issuer, app: App) -> Iterator[Flaw]:
    by_key = app.client.token_endpoint_auth_method == PRIVATE_KEY_JWT
    if app.public and not app.client.pkce:
        yield Flaw("client", "A public client has to use PKCE.")
    if app.public and by_key:
        yield Flaw("client", "A public client does not authenticate, so it has no private_key_jwt.")
    if by_key and not issuer.policy.shared_open_ids:
        protocols = _protocols(lambda each: each.id_tokens)
        yield Flaw("client", f"Only clients of the protocol {protocols} authenticate by private_key_jwt.")


def _keys(client: Client) -> Iterator[Flaw]:
    by_key = client.token_endpoint_auth_method == PRIVATE_KEY_JWT
    if client.jwks is not None and has_private_keys(client.jwks):
        yield Flaw(
            "client",
            "The key set has a private or a shared key. Give the public keys alone; replace that one.",
        )
    elif client.jwks is not None and not read_keys(client.jwks):
        yield Flaw("client", "The key set has no public key that can be used: ES256, EdDSA, PS256 or RS256.")
    if by_key and client.jwks is None and not client.jwks_uri:
        yield Flaw("client", "private_key_jwt needs the public keys of the app.")
    if client.jwks is not None and client.jwks_uri:
        yield Flaw("client", "Give the keys, or the address where they are, not both.")
    if client.jwks_uri and not is_fetchable(client.jwks_uri):
        yield Flaw("client", f"{client.jwks_uri!r} is not an https address that can be fetched.")


def _protocols(able: Callable[[Dialect], bool]) -> str:
    *others, last = (each.name for each in dialects().values() if able(each))
    return f"{', '.join(others)} and {last}" if others else last
