"""What the calls of the dialect take and give.

Nothing is required here, and texts are of any length that the edge lets pass: the order in which absence and excess are
told is the dialect's own, and the calls see to it. Names that are not here are ignored (RFC 6749 §3.1, §3.2).
"""

from typing import Annotated, Any

import msgspec

_Meta = msgspec.Meta
Passed = Annotated[str, _Meta(description="a code or token")]


class NoParams(msgspec.Struct):
    """A document, or a preflight."""


class AuthorizeParams(msgspec.Struct):
    """`/authorize` (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1)."""

    client_id: str | None = None
    redirect_uri: str | None = None
    response_type: str | None = None
    response_mode: str | None = None
    scope: str | None = None
    state: str | None = None
    nonce: str | None = None
    prompt: str | None = None
    max_age: str | None = None
    id_token_hint: str | None = None
    login_hint: str | None = None
    ui_locales: str | None = None
    claims: str | None = None
    request: str | None = None
    request_uri: str | None = None
    registration: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str | None = None


class TokenParams(msgspec.Struct):
    """`/token` (RFC 6749 §4.1.3, §4.4.2, §6)."""

    grant_type: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    code: Passed | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = None
    refresh_token: Passed | None = None
    scope: str | None = None


class AboutTokenParams(msgspec.Struct):
    """`/introspect` (RFC 7662 §2.1) and `/revoke` (RFC 7009 §2.1); the hint is not needed, and so not read."""

    token: Passed | None = None
    client_id: str | None = None
    client_secret: str | None = None


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
    """What is known of a token (RFC 7662 §2.2); of any that is not live, and of others' tokens, `active` alone."""

    active: bool
    scope: str = ""
    client_id: str = ""
    token_type: str = ""
    exp: int = 0
    iat: int = 0
    sub: str = ""
    iss: str = ""


Claims = dict[str, Any]
"""The user as the client may know them (OpenID Connect Core §5.1)."""
