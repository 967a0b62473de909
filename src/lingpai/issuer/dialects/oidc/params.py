"""Parameters and answers of the dialect's calls.

Nothing is required here, and texts are of any length that the edge lets pass: the order in which absence and excess are
reported is the dialect's own, and the calls see to it. Names that are not here are ignored (RFC 6749 §3.1, §3.2).
"""

from typing import Annotated, Any

import msgspec

_Meta = msgspec.Meta
Passed = Annotated[str, _Meta(description="a code or token")]
ClientId = Annotated[str, _Meta(description="the app's id")]
Secret = Annotated[str, _Meta(description="the app's secret")]
Assertion = Annotated[str, _Meta(description="a token that the client signed (RFC 7523 §2.2)")]
AssertionType = Annotated[
    str, _Meta(description="urn:ietf:params:oauth:client-assertion-type:jwt-bearer, beside the assertion")
]
Uri = Annotated[str, _Meta(description="a registered redirect URI")]
ResponseType = Annotated[str, _Meta(description="code")]
ResponseMode = Annotated[str, _Meta(description="query or form_post")]
Words = Annotated[str, _Meta(description="words separated by blanks")]
State = Annotated[str, _Meta(description="returned unchanged with the answer; at most 2048 bytes")]
Nonce = Annotated[str, _Meta(description="returned in the id_token")]
Prompt = Annotated[str, _Meta(description="none, login, consent or select_account")]
MaxAge = Annotated[str, _Meta(description="seconds since the login, at most")]
IdTokenHint = Annotated[str, _Meta(description="an id_token of the user who is expected")]
OldIdToken = Annotated[str, _Meta(description="an id_token of the session that ends, expired or not")]
AfterLogout = Annotated[str, _Meta(description="a registered address to go to afterwards")]
LoginHint = Annotated[str, _Meta(description="a login name to fill in")]
Locales = Annotated[str, _Meta(description="languages of the pages, the preferred one first")]
ClaimsWanted = Annotated[str, _Meta(description="a JSON object of claims for the id_token and userinfo")]
NotSupported = Annotated[str, _Meta(description="not supported")]
RequestUri = Annotated[str, _Meta(description="what /par answered; no other")]
Challenge = Annotated[str, _Meta(description="PKCE code challenge (RFC 7636)")]
ChallengeMethod = Annotated[str, _Meta(description="S256")]
Verifier = Annotated[str, _Meta(description="PKCE code verifier of the code's challenge")]
Resource = Annotated[str, _Meta(description="the URI of a resource server; may come more than once")]
Jkt = Annotated[str, _Meta(description="thumbprint of the DPoP key that the code is bound to (RFC 9449 §10)")]
GrantType = Annotated[
    str,
    _Meta(description="authorization_code, refresh_token, client_credentials, or a device's URN (RFC 8628)"),
]


class NoParams(msgspec.Struct):
    """A document, or a preflight."""


class AuthorizeParams(msgspec.Struct):
    """`/authorize` (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2.1, OpenID Connect Core §3.1.2.1)."""

    client_id: ClientId | None = None
    redirect_uri: Uri | None = None
    response_type: ResponseType | None = None
    response_mode: ResponseMode | None = None
    scope: Words | None = None
    state: State | None = None
    nonce: Nonce | None = None
    prompt: Prompt | None = None
    max_age: MaxAge | None = None
    id_token_hint: IdTokenHint | None = None
    login_hint: LoginHint | None = None
    ui_locales: Locales | None = None
    claims: ClaimsWanted | None = None
    request: NotSupported | None = None
    request_uri: RequestUri | None = None
    registration: NotSupported | None = None
    code_challenge: Challenge | None = None
    code_challenge_method: ChallengeMethod | None = None
    dpop_jkt: Jkt | None = None
    resource: tuple[Resource, ...] = ()


class EndSessionParams(msgspec.Struct):
    """`/logout` (OpenID Connect RP-Initiated Logout 1.0 §2); the login hint is not needed, and so not read."""

    id_token_hint: OldIdToken | None = None
    client_id: ClientId | None = None
    post_logout_redirect_uri: AfterLogout | None = None
    state: State | None = None
    ui_locales: Locales | None = None


class PushedParams(AuthorizeParams):
    """The parameters of a request that was pushed; they stand in place of all others (RFC 9126 §4)."""


class PushParams(AuthorizeParams):
    """`/par` (RFC 9126 §2.1): what `/authorize` takes, and the client's credentials."""

    client_secret: Secret | None = None
    client_assertion: Assertion | None = None
    client_assertion_type: AssertionType | None = None


class DeviceAsked(msgspec.Struct):
    """`/device_authorization` (RFC 8628 §3.1)."""

    client_id: ClientId | None = None
    client_secret: Secret | None = None
    client_assertion: Assertion | None = None
    client_assertion_type: AssertionType | None = None
    scope: Words | None = None
    resource: tuple[Resource, ...] = ()


class DeviceWaits(msgspec.Struct):
    """The codes for a device and its user (RFC 8628 §3.2); times in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int

    def __repr__(self) -> str:
        """Shows no code."""
        return f"DeviceWaits(expires_in={self.expires_in})"


class PushAnswer(msgspec.Struct):
    """Where the browser finds the request, for so many seconds (RFC 9126 §2.2)."""

    request_uri: str
    expires_in: int


class TokenParams(msgspec.Struct):
    """`/token` (RFC 6749 §4.1.3, §4.4.2, §6, RFC 8707 §2.2)."""

    grant_type: GrantType | None = None
    client_id: ClientId | None = None
    client_secret: Secret | None = None
    client_assertion: Assertion | None = None
    client_assertion_type: AssertionType | None = None
    code: Passed | None = None
    device_code: Passed | None = None
    redirect_uri: Uri | None = None
    code_verifier: Verifier | None = None
    refresh_token: Passed | None = None
    scope: Words | None = None
    resource: tuple[Resource, ...] = ()


class AboutTokenParams(msgspec.Struct):
    """`/introspect` (RFC 7662 §2.1) and `/revoke` (RFC 7009 §2.1); the hint is not needed, and so not read."""

    token: Passed | None = None
    client_id: ClientId | None = None
    client_secret: Secret | None = None
    client_assertion: Assertion | None = None
    client_assertion_type: AssertionType | None = None


class UserinfoParams(msgspec.Struct):
    """`/userinfo`, when the token does not come in the Authorization header (RFC 6750 §2.2)."""

    access_token: Passed | None = None


class IssuedTokens(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Tokens; `expires_in` in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str = ""
    refresh_token: str = ""
    id_token: str = ""

    def __repr__(self) -> str:
        """Never shows a token."""
        return f"IssuedTokens(expires_in={self.expires_in})"


class Introspected(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The answer about a token (RFC 7662 §2.2); `active` alone for one that is not live, or not for this client."""

    active: bool
    scope: str = ""
    client_id: str = ""
    token_type: str = ""
    exp: int = 0
    iat: int = 0
    sub: str = ""
    aud: str = ""
    iss: str = ""
    jti: str = ""
    cnf: dict[str, str] | None = None


Claims = dict[str, Any]
"""The user as the client may know them (OpenID Connect Core §5.1)."""
