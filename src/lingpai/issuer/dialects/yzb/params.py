"""Parameters and answers of the dialect's calls (docs/spec/yzb.md, "Calls")."""

from typing import Annotated, Literal

import msgspec

_Meta = msgspec.Meta

AppId = Annotated[str, _Meta(max_length=64, description="the app's id")] | Annotated[int, _Meta(ge=0)]
"""Digits; a JSON body may give them as a number. See `text_of`."""
Secret = Annotated[str, _Meta(max_length=512, description="the app's secret")]
Passed = Annotated[str, _Meta(description="a code, token or ticket")]
"""Of any length: one that is too long is refused like one that does not exist."""
OpenId = Annotated[str, _Meta(max_length=256, description="the user as the app knows them")]
_MOST = (1 << 56) - 1
Number = Annotated[str, _Meta(pattern="^[0-9]{1,17}$")] | Annotated[int, _Meta(ge=0, le=_MOST)]
Url = Annotated[str, _Meta(max_length=2048, description="the page's address")]
Origin = Annotated[str, _Meta(max_length=512, description="scheme, host and port of a page")]
Short = Annotated[str, _Meta(max_length=128)]
Proof = Annotated[str, _Meta(max_length=128, description="the page's proof, as checkJsConfig returned it")]
Nonce = Annotated[str, _Meta(max_length=128, description="the random text that was signed")]
Signature = Annotated[str, _Meta(max_length=128, description="hex SHA-1 of ticket, nonce, timestamp and url")]
Seconds = (
    Annotated[str, _Meta(pattern="^[0-9]{1,17}$", description="Unix time in seconds, as it was signed")]
    | Annotated[int, _Meta(ge=0, le=_MOST)]
)
LastId = (
    Annotated[
        str, _Meta(pattern="^[0-9]{1,17}$", description="`id` of the last user of the page before; 0 first")
    ]
    | Annotated[int, _Meta(ge=0, le=_MOST)]
)
TokenGrant = Annotated[
    Literal["authorization_code", "client_credential", "client_credentials"],
    _Meta(description="authorization_code for a user's tokens, client_credential for the server token"),
]
RefreshGrant = Annotated[Literal["refresh_token"], _Meta(description="refresh_token")]
TicketType = Annotated[Literal["js_ticket"], _Meta(description="js_ticket")]
CheckedType = Annotated[Literal["access_token", "js_ticket"], _Meta(description="what `code` is")]

MAX_PAGE = 100
Count = (
    Annotated[str, _Meta(pattern="^([1-9][0-9]?|100)$", description="users per page")]
    | Annotated[int, _Meta(ge=1, le=MAX_PAGE)]
)
"""The length of a list: up to `MAX_PAGE`, which the pattern repeats."""


def text_of(value: str | int) -> str:
    """Return a parameter as text; JSON may give it as a number."""
    return str(value)


class TokenParams(msgspec.Struct):
    """`/OAuth2/token`: a user's tokens for a code, or the server token."""

    app_id: AppId
    secret: Secret
    grant_type: TokenGrant
    code: Passed | None = None


class RefreshParams(msgspec.Struct):
    """`/OAuth2/refreshtoken`."""

    app_id: AppId
    grant_type: RefreshGrant
    open_id: OpenId
    refresh_token: Passed


class TicketParams(msgspec.Struct):
    """`/OAuth2/ticket`; `access_token` is the server token."""

    app_id: AppId
    access_token: Passed
    type: TicketType


class CheckParams(msgspec.Struct):
    """`/OAuth2/checkCode`; with `open_id` the `access_token` is that user's, without it the server token."""

    app_id: AppId
    type: CheckedType
    code: Passed
    open_id: OpenId | None = None


class ConfigParams(msgspec.Struct):
    """`/OAuth2/checkJsConfig`: what a page gave to `yzb.core.config`, and the page's own address."""

    app_id: AppId
    timestamp: Seconds
    nonce_str: Nonce
    signature: Signature
    url: Url
    js_api_list: (
        Annotated[str, _Meta(max_length=4096, description="methods that the page uses")]
        | Annotated[list[Short], _Meta(min_length=1)]
    )


class JsAuthCodeParams(msgspec.Struct):
    """`/OAuth2/requestJsAuthCode`: the issuer's window asks for the page that opened it."""

    app_id: AppId
    origin: Origin
    proof: Proof
    form_token: Passed


class UserParams(msgspec.Struct):
    """`/UserResource/…`; `access_token` is the server token."""

    app_id: AppId
    open_id: OpenId
    access_token: Passed


class CountParams(msgspec.Struct):
    """`/CommonResource/getUserCount`; `access_token` is the server token."""

    app_id: AppId
    access_token: Passed


class ListParams(msgspec.Struct):
    """`/CommonResource/getUserList`: users after `load_more_id`, which is the `id` of the last one seen."""

    app_id: AppId
    access_token: Passed
    load_more_id: LastId = 0
    load_more_count: Count = MAX_PAGE


class UserTokens(msgspec.Struct):
    """A user's pair of tokens; `expires_in` in seconds."""

    open_id: str
    access_token: str
    expires_in: int
    refresh_token: str
    scope: str


class IssuedTokens(msgspec.Struct, kw_only=True):
    """A user's pair of tokens, or the app's own token without the rest; `expires_in` in seconds."""

    open_id: str | msgspec.UnsetType = msgspec.UNSET
    access_token: str
    expires_in: int
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET
    scope: str | msgspec.UnsetType = msgspec.UNSET


class JsTicket(msgspec.Struct):
    """A ticket; `expires_in` in seconds."""

    ticket: str
    expires_in: int


class CheckedCode(msgspec.Struct):
    """The end of a token or ticket: `expires_in` is an absolute unix time here [original]."""

    expires_in: int


class VerifiedPage(msgspec.Struct):
    """The proof that a page was verified, for the bridge script."""

    proof: str


class JsAuthCode(msgspec.Struct):
    """A login-free code."""

    code: str


class BaseInfo(msgspec.Struct):
    """A user; `sex` is "1" male, "2" female, "3" unknown."""

    nick: str
    avatar: str
    sex: str


class Added(msgspec.Struct):
    """Shows whether the user added the app."""

    is_added: bool


class UserCount(msgspec.Struct):
    """The number of users who added the app."""

    user_count: int


class ListedUser(msgspec.Struct):
    """One user of the app; `id` is the start of the next page."""

    id: str
    open_id: str
