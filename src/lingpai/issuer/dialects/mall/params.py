"""Parameters and answers of the dialect's calls (docs/spec/mall.md, "Endpoints"). Each `null` is intended.

No parameter is required here: the calls check for missing ones, in the dialect's own order.
"""

from typing import Annotated

import msgspec

_Meta = msgspec.Meta

ClientId = Annotated[str, _Meta(max_length=64, description="the app's id")] | Annotated[int, _Meta(ge=0)]
"""Often digits, which may be a number in a JSON body."""
Passed = Annotated[str, _Meta(description="a code or token")]
"""Of any length: one that is too long is refused like one that does not exist."""
Secret = Annotated[str, _Meta(max_length=512, description="the app's secret")]
Uri = Annotated[str, _Meta(max_length=2048, description="a registered redirect URI")]
Words = Annotated[str, _Meta(max_length=1024, description="words separated by blanks")]
ResponseType = Annotated[str, _Meta(max_length=128, description="code")]
State = Annotated[str, _Meta(description="returned unchanged with the answer; at most 2048 bytes")]
Challenge = Annotated[str, _Meta(max_length=128, description="PKCE code challenge (RFC 7636)")]
ChallengeMethod = Annotated[str, _Meta(max_length=128, description="S256")]
Verifier = Annotated[str, _Meta(max_length=128, description="PKCE code verifier of the code's challenge")]
GrantType = Annotated[str, _Meta(max_length=128, description="authorization_code or refresh_token")]


class AuthorizeParams(msgspec.Struct):
    """`/authorize`; `state` is returned unchanged, the code challenge is that of RFC 7636."""

    client_id: ClientId | None = None
    redirect_uri: Uri | None = None
    response_type: ResponseType | None = None
    state: State | None = None
    scope: Words | None = None
    code_challenge: Challenge | None = None
    code_challenge_method: ChallengeMethod | None = None


class TokenParams(msgspec.Struct):
    """`/accessToken` and `/refreshToken`, which answer both grant types."""

    grant_type: GrantType | None = None
    client_id: ClientId | None = None
    client_secret: Secret | None = None
    code: Passed | None = None
    redirect_uri: Uri | None = None
    refresh_token: Passed | None = None
    scope: Words | None = None
    code_verifier: Verifier | None = None


class ResourceParams(msgspec.Struct):
    """`/getOpenId` and `/getUserInfo`, when the token does not come in the Authorization header."""

    access_token: Passed | None = None


class IssuedTokens(msgspec.Struct):
    """A pair of tokens; `expires_in` in seconds."""

    access_token: str
    expires_in: int
    token_type: str
    scope: str | None
    refresh_token: str


class OpenId(msgspec.Struct):
    """The open_id of the token's user; `expires` is an absolute unix time in seconds."""

    access_token: str
    client_id: str
    expires: int
    scope: str | None
    open_id: str


class UserInfo(msgspec.Struct):
    """The user."""

    seller_name: str
