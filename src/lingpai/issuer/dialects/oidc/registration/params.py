"""What clients say of themselves, by the names of RFC 7591 §2 and OpenID Connect Dynamic Client Registration 1.0 §2."""

from typing import Annotated, Any

import msgspec

_Meta = msgspec.Meta
Text = Annotated[str, _Meta(max_length=256)]
Address = Annotated[str, _Meta(max_length=2048)]
Addresses = Annotated[list[Address], _Meta(max_length=32)]
Words = Annotated[list[Text], _Meta(max_length=32)]
Seconds = Annotated[int, _Meta(ge=0, le=999_999_999)]


class ClientMetadata(msgspec.Struct, kw_only=True):
    """What a client may say of itself. Names that are not here are ignored (RFC 7591 §2)."""

    redirect_uris: Annotated[Addresses, _Meta(description="where users are sent back to")] | None = None
    token_endpoint_auth_method: Annotated[
        Text, _Meta(description="none, client_secret_basic, client_secret_post or private_key_jwt")
    ] = ""
    token_endpoint_auth_signing_alg: Text = ""
    grant_types: Annotated[Words, _Meta(description="authorization_code alone when left out")] | None = None
    response_types: Annotated[Words, _Meta(description="code")] | None = None
    client_name: Annotated[Text, _Meta(description="name that users see on the consent page")] = ""
    client_uri: Address = ""
    logo_uri: Address = ""
    scope: Annotated[str, _Meta(max_length=2048, description="words separated by blanks")] = ""
    contacts: Words = []
    tos_uri: Address = ""
    policy_uri: Address = ""
    jwks_uri: Annotated[Address, _Meta(description="where it publishes its keys")] = ""
    jwks: Annotated[dict[str, Any], _Meta(description="its keys, as a JSON Web Key Set")] | None = None
    software_id: Text = ""
    software_version: Text = ""
    application_type: Annotated[Text, _Meta(description="web or native")] = ""
    subject_type: Annotated[Text, _Meta(description="public or pairwise")] = ""
    sector_identifier_uri: Address = ""
    id_token_signed_response_alg: Annotated[Text, _Meta(description="RS256 when left out, or ES256")] = ""
    default_max_age: Seconds | None = None
    require_auth_time: bool = False
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    post_logout_redirect_uris: Addresses = []
    backchannel_logout_uri: Address = ""
    backchannel_logout_session_required: bool = False

    # What a client may ask for that there is not; it gets an error, as it relies on it.
    id_token_encrypted_response_alg: Text = ""
    userinfo_signed_response_alg: Text = ""
    userinfo_encrypted_response_alg: Text = ""
    introspection_signed_response_alg: Text = ""
    introspection_encrypted_response_alg: Text = ""
    authorization_signed_response_alg: Text = ""
    require_signed_request_object: bool = False
    tls_client_certificate_bound_access_tokens: bool = False


class PreflightParams(msgspec.Struct):
    """A preflight."""


class ManagedClient(msgspec.Struct):
    """The path of a registration."""

    registered: Annotated[str, _Meta(description="the client's id")]


class ChangedMetadata(ClientMetadata, kw_only=True):
    """A registration as it shall be from now on, all of it (RFC 7592 §2.2)."""

    registered: Annotated[str, _Meta(description="the client's id")]
    client_id: Annotated[Text, _Meta(description="the same once more")] = ""
    client_secret: Annotated[Text, _Meta(description="the present one, or none")] = ""
    registration_access_token: Any = None
    registration_client_uri: Any = None
    client_id_issued_at: Any = None
    client_secret_expires_at: Any = None


RegisteredClient = dict[str, Any]
"""What is registered of a client, with its credentials (RFC 7591 §3.2.1, RFC 7592 §3)."""
