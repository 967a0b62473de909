"""From what a client says of itself to the app that it is, and back (RFC 7591 §2, §3.2.1)."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Client
from lingpai.core.names import hides
from lingpai.issuer.checks import check_app, is_fetchable
from lingpai.issuer.dialects.oidc.policy import CODE, MACHINE, SCOPES
from lingpai.issuer.dialects.oidc.registration.params import ClientMetadata
from lingpai.issuer.foreign_jose import has_private_keys, read_keys
from lingpai.issuer.sectors import sector_of

RESPONSE_TYPES: Final = ("code",)
PUBLIC: Final = "none"
BY_KEY: Final = "private_key_jwt"
_REFUSED: Final = (
    "id_token_encrypted_response_alg",
    "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "introspection_signed_response_alg",
    "introspection_encrypted_response_alg",
    "authorization_signed_response_alg",
    "require_signed_request_object",
    "tls_client_certificate_bound_access_tokens",
)
"""Metadata that a client relies on and that there is not; what else is not known is ignored (RFC 7591 §2)."""
_PAGES: Final = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
_SAME: Final = (
    *("token_endpoint_auth_signing_alg", "jwks", "jwks_uri", *_PAGES, "software_id", "software_version"),
    *(
        "sector_identifier_uri",
        "default_max_age",
        "require_auth_time",
        "require_pushed_authorization_requests",
    ),
    *("dpop_bound_access_tokens", "backchannel_logout_uri", "backchannel_logout_session_required"),
)
"""Metadata that a record has under the same name, and as it was given."""
_LISTS: Final = ("contacts", "post_logout_redirect_uris")
_CHOSEN: Final[Mapping[str, tuple[str, ...]]] = {
    "application_type": ("web", "native"),
    "subject_type": ("public", "pairwise"),
    "id_token_signed_response_alg": ("RS256", "ES256"),
    "token_endpoint_auth_signing_alg": ("", "ES256", "EdDSA", "PS256", "RS256"),
}
"""Metadata of a few values, the first of which it is when it is left out."""
_PAGE = re.compile(r"https?://[^\s]+")


class Terms(NamedTuple):
    """What an app may be that describes itself.

    Attributes:
        methods: how it may authenticate; the first is what it does when it does not say.
        grants: what it may use; others are left out.
        refused: grants whose request is an error.
        scopes: words that exist in the realm besides the standard's.
        own_scopes: those of them that an app may have that gets tokens of its own.
    """

    methods: tuple[str, ...]
    grants: tuple[str, ...]
    refused: tuple[str, ...] = ()
    scopes: Collection[str] = ()
    own_scopes: Collection[str] = ()


def described_app(metadata: ClientMetadata, realm: str, terms: Terms) -> App:
    """Return the app that metadata describes, without an id.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI, INVALID_CLIENT_METADATA.
    """
    for name in _REFUSED:
        if getattr(metadata, name):
            raise invalid(name, "this is not supported")
    method = metadata.token_endpoint_auth_method or terms.methods[0]
    if method not in terms.methods:
        raise invalid("token_endpoint_auth_method", "the client cannot authenticate in this way")
    grants = _grants(metadata, terms, public=method == PUBLIC)
    app = App(
        realm=realm,
        app_id="",
        name=metadata.client_name,
        redirect_uris=tuple(dict.fromkeys(metadata.redirect_uris or ())),
        grants=grants,
        scopes=_scopes(metadata, grants, terms),
        public=method == PUBLIC,
        client=_client(metadata, method),
    )
    _check_texts(metadata)
    _check_keys(app)
    _check_addresses(app)
    sector_of(app)
    return app


def metadata_of(app: App) -> dict[str, Any]:
    """Return all that is registered of an app, by the names of the standard (RFC 7591 §3.2.1)."""
    client = app.client
    found: dict[str, Any] = {
        "redirect_uris": app.redirect_uris,
        "response_types": RESPONSE_TYPES if CODE in app.grants else (),
        "grant_types": app.grants,
        "application_type": client.application_type,
        "client_name": app.name or None,
        "scope": " ".join(app.scopes) or None,
        "token_endpoint_auth_method": PUBLIC if app.public else client.token_endpoint_auth_method,
        "subject_type": client.subject_type,
        "id_token_signed_response_alg": client.id_token_signed_response_alg,
    }
    usual = Client()
    more = {name: getattr(client, name) for name in (*_SAME, *_LISTS)}
    found |= {name: value for name, value in more.items() if value != getattr(usual, name)}
    return {name: value for name, value in found.items() if value is not None}


def redescribed(known: App, described: App) -> App:
    """Return an app with what it says of itself now; what operators set of it stays."""
    client = msgspec.structs.replace(
        described.client, pkce=known.client.pkce or described.public, fapi2=known.client.fapi2
    )
    return msgspec.structs.replace(
        known,
        name=described.name,
        redirect_uris=described.redirect_uris,
        grants=described.grants,
        scopes=described.scopes,
        public=described.public,
        client=client,
    )


def invalid(parameter: str, reason: str) -> LingpaiError:
    """Return the error for metadata that cannot be registered (RFC 7591 §3.2.2)."""
    return LingpaiError(Kind.INVALID_CLIENT_METADATA, f"{parameter}: {reason}.", parameter=parameter)


def _grants(metadata: ClientMetadata, terms: Terms, *, public: bool) -> tuple[str, ...]:
    asked = dict.fromkeys([CODE] if metadata.grant_types is None else metadata.grant_types)
    if public and MACHINE in asked and MACHINE in (*terms.grants, *terms.refused):
        raise invalid("grant_types", "a client without credentials has no tokens of its own")
    for grant in asked:
        if grant in terms.refused:
            raise invalid("grant_types", f"{grant} needs an initial access token")
    grants = tuple(grant for grant in asked if grant in terms.grants)
    if not grants:
        raise invalid("grant_types", "none of these is known")
    types = metadata.response_types
    if types is not None and (CODE in grants) != (RESPONSE_TYPES[0] in types):  # RFC 7591 §2.1
        raise invalid("response_types", "code belongs to the grant type authorization_code")
    return grants


def _scopes(metadata: ClientMetadata, grants: Collection[str], terms: Terms) -> tuple[str, ...]:
    """The words that it named and that there are; () for whatever the realm has when none is left."""
    known = {*SCOPES, *terms.own_scopes, *(() if MACHINE in grants else terms.scopes)}
    return tuple(word for word in dict.fromkeys(metadata.scope.split()) if word in known)


def _client(metadata: ClientMetadata, method: str) -> Client:
    fields = {name: getattr(metadata, name) for name in _SAME}
    fields |= {name: tuple(getattr(metadata, name)) for name in _LISTS}
    for name, values in _CHOSEN.items():
        fields[name] = getattr(metadata, name) or values[0]
        if fields[name] not in values:
            raise invalid(name, f"known are {', '.join(filter(None, values))}")
    if method != PUBLIC:
        fields["token_endpoint_auth_method"] = method
    return msgspec.convert(fields, Client)


def _check_texts(metadata: ClientMetadata) -> None:
    for name, value in msgspec.structs.asdict(metadata).items():
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and hides(text) for text in texts):
            raise invalid(name, "it has control, zero-width or direction characters")
    for name in _PAGES:
        if getattr(metadata, name) and not _PAGE.fullmatch(getattr(metadata, name)):
            raise invalid(name, "it is not the address of a page")


def _check_keys(app: App) -> None:
    client = app.client
    if client.jwks is not None and client.jwks_uri:
        raise invalid("jwks_uri", "it comes in the place of jwks")
    if client.jwks_uri and not is_fetchable(client.jwks_uri):
        raise invalid("jwks_uri", "it is not an https address that can be fetched")
    if client.jwks is not None and has_private_keys(client.jwks):
        raise invalid("jwks", "it has a private or a shared key")
    by_key = not app.public and client.token_endpoint_auth_method == BY_KEY
    if (by_key or client.jwks is not None) and not (client.jwks_uri or read_keys(client.jwks)):
        raise invalid("jwks", "it has no public key that can be used")


def _check_addresses(app: App) -> None:
    if CODE in app.grants and not app.redirect_uris:
        raise LingpaiError(
            Kind.INVALID_REDIRECT_URI, "The redirect URIs are missing.", parameter="redirect_uris"
        )
    native = app.client.application_type == "native"
    for uri in app.redirect_uris:
        if not native and urlsplit(uri).scheme not in {"http", "https"}:
            text = "A private scheme is for native applications (application_type)."
            raise LingpaiError(Kind.INVALID_REDIRECT_URI, text, parameter="redirect_uris")
    try:
        check_app(app)
    except LingpaiError as error:
        if error.kind is Kind.INVALID_REDIRECT_URI and error.parameter == "redirect_uri":
            raise
        raise LingpaiError(Kind.INVALID_CLIENT_METADATA, error.reason, parameter=error.parameter) from error
