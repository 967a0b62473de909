"""Parameters and answers of the dialect's calls (docs/spec/yilianyun.md).

No parameter is required here: the calls check for missing ones, in the dialect's own order.
"""

from typing import Annotated

import msgspec

from lingpai.core.errors import Kind, LingpaiError

_Meta = msgspec.Meta

ClientId = Annotated[str, _Meta(max_length=64, description="the app's id")] | Annotated[int, _Meta(ge=0)]
"""Digits, which may be a number in a JSON body. See `text_of`."""
Timestamp = Annotated[str, _Meta(max_length=64, description="unix time in seconds, ten digits")] | int
Sign = Annotated[
    str, _Meta(max_length=64, description="hex MD5 of client_id, timestamp and the app's secret")
]
RequestId = Annotated[str, _Meta(max_length=64, description="a UUID of any version")]
Passed = Annotated[str, _Meta(description="a code, token or key")]
"""Of any length: one that is too long is refused like one that does not exist."""
MachineCode = Annotated[str, _Meta(max_length=64, description="the terminal")] | Annotated[int, _Meta(ge=0)]
Msign = (
    Annotated[str, _Meta(max_length=128, description="the terminal's secret")] | Annotated[int, _Meta(ge=0)]
)
Words = Annotated[str, _Meta(max_length=1024, description='words separated by blanks; "all"')]
ResponseType = Annotated[str, _Meta(max_length=128, description="code")]
State = Annotated[str, _Meta(description="returned unchanged with the answer; at most 2048 bytes")]
GrantType = Annotated[
    str,
    _Meta(
        max_length=128,
        description="authorization_code, refresh_token, or client_credentials of a self-owned app",
    ),
]
Uri = Annotated[str, _Meta(max_length=2048, description="a registered redirect URI")]


class AuthorizeParams(msgspec.Struct):
    """`GET /oauth/authorize`; `state` is returned unchanged."""

    client_id: ClientId | None = None
    response_type: ResponseType | None = None
    redirect_uri: Uri | None = None
    state: State | None = None


class SignedParams(msgspec.Struct):
    """The parameters of every call."""

    client_id: ClientId | None = None
    sign: Sign | None = None
    timestamp: Timestamp | None = None
    id: RequestId | None = None


class TokenParams(SignedParams):
    """`/oauth/oauth`: tokens for a code, for a refresh token, or for a self-owned app."""

    grant_type: GrantType | None = None
    code: Passed | None = None
    refresh_token: Passed | None = None
    scope: Words | None = None


class ScanParams(SignedParams):
    """`/oauth/scancodemodel`: the terminal, and one of the key that it shows and its secret."""

    machine_code: MachineCode | None = None
    qr_key: Passed | None = None
    msign: Msign | None = None
    scope: Words | None = None


class AddPrinterParams(SignedParams):
    """`/printer/addprinter`."""

    machine_code: MachineCode | None = None
    msign: Msign | None = None
    access_token: Passed | None = None


class DeletePrinterParams(SignedParams):
    """`/printer/deleteprinter`."""

    machine_code: MachineCode | None = None
    access_token: Passed | None = None


class IssuedTokens(msgspec.Struct):
    """A pair of tokens; `expires_in` in seconds, `machine_code` is "" for the token of a self-owned app."""

    access_token: str
    refresh_token: str
    machine_code: str
    expires_in: int
    scope: str


def text_of(value: str | int | None) -> str:
    """Return a parameter as text; JSON may give it as a number."""
    return "" if value is None else str(value)


def require(params: msgspec.Struct, *names: str) -> None:
    """Refuse a call that lacks one of these parameters; the first is named.

    Raises:
        LingpaiError: MISSING_PARAMETER.
    """
    for name in names:
        if getattr(params, name) is None:
            raise missing(name)


def missing(name: str) -> LingpaiError:
    """Return the error for a missing parameter."""
    return LingpaiError(Kind.MISSING_PARAMETER, f"parameter {name} is missing", parameter=name)
