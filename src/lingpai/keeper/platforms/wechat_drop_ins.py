"""WeChat's own calls as drop-in routes, and the form of their errors."""

from typing import Annotated, Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.parameters import Code, Id, Secret, Token
from lingpai.keeper.platforms.drop_in import DropInExchange, DropInTicket, DropInToken, DropInUserCall
from lingpai.keeper.platforms.errcode_shape import ERRCODES, ErrcodeShape

SHAPE = ErrcodeShape(
    {
        **ERRCODES,
        Kind.NOT_ALLOWED: 40125,
        Kind.MISSING_KEY: 40125,
        Kind.WRONG_KEY: 40125,
        Kind.WRONG_SECRET: 40125,
        Kind.AMBIGUOUS_ACCOUNT: 40125,
        Kind.UNKNOWN_TOKEN: 40001,
    },
    missing={
        "access_token": 41001,
        "appid": 41002,
        "secret": 41004,
        "grant_type": 40002,
        "code": 41008,
        "js_code": 41008,
        "refresh_token": 41003,
        "openid": 41009,
    },
)


ClientGrant = Annotated[str, msgspec.Meta(description="client_credential")]
CodeGrant = Annotated[str, msgspec.Meta(description="authorization_code (default)")]
ForceRefresh = Annotated[Any, msgspec.Meta(description="accepted, without effect")]
RefreshGrant = Annotated[str, msgspec.Meta(description="refresh_token (default)")]
UserToken = Annotated[
    str, msgspec.Meta(max_length=4096, description="the user's, as the exchange of a web login code answered")
]
OpenId = Annotated[str, msgspec.Meta(max_length=128, description="the user's openid for this app")]
Lang = Annotated[str, msgspec.Meta(max_length=16, description="zh_CN, zh_TW or en")]
TicketType = Annotated[str, msgspec.Meta(description="jsapi (default) or wx_card")]


class WechatCredential(msgspec.Struct):
    """As WeChat's own token call; `force_refresh` is accepted and does nothing."""

    grant_type: ClientGrant
    appid: Id
    secret: Secret
    force_refresh: ForceRefresh = False


class WechatTicket(msgspec.Struct):
    """As WeChat's own ticket call."""

    access_token: Token
    type: TicketType = "jsapi"


class WechatCode(msgspec.Struct):
    """As WeChat's own exchange of a web login code."""

    appid: Id
    secret: Secret
    code: Code
    grant_type: CodeGrant = "authorization_code"


class WechatSession(msgspec.Struct):
    """As WeChat's own exchange of a mini program's code."""

    appid: Id
    secret: Secret
    js_code: Code
    grant_type: CodeGrant = "authorization_code"


class WechatUserRefresh(msgspec.Struct):
    """As WeChat's own renewal of a user's token."""

    appid: Id
    refresh_token: UserToken
    grant_type: RefreshGrant = "refresh_token"


class WechatUser(msgspec.Struct):
    """As WeChat's own call for a user's profile."""

    access_token: UserToken
    openid: OpenId
    lang: Lang = ""


class WechatUserCheck(msgspec.Struct):
    """As WeChat's own check of a user's token."""

    access_token: UserToken
    openid: OpenId


def _check_grant_type(params: WechatCredential) -> None:
    if params.grant_type != "client_credential":
        raise LingpaiError(Kind.UPSTREAM_REFUSED, "invalid grant_type", code=40002)


DROP_INS = (
    DropInToken(
        app=("appid", "secret"), path="/cgi-bin/token", params=WechatCredential, check=_check_grant_type,
        summary="Get a token, like WeChat's classic call",
    ),
    DropInToken(
        app=("appid", "secret"), path="/cgi-bin/stable_token", params=WechatCredential, check=_check_grant_type,
        methods=("POST",),
        summary="Get a token, like WeChat's stable call",
    ),
    DropInTicket(
        path="/cgi-bin/ticket/getticket", params=WechatTicket,
        kinds={"jsapi": "jsapi_ticket", "wx_card": "wx_card_ticket"},
        summary="Get a JS-SDK or card ticket, like WeChat's call",
    ),
    DropInExchange(
        app=("appid", "secret"), path="/sns/oauth2/access_token", params=WechatCode, kind="oauth", code="code",
        summary="Exchange a web login code, like WeChat's call",
    ),
    DropInExchange(
        app=("appid", "secret"), path="/sns/jscode2session", params=WechatSession, kind="mini", code="js_code",
        summary="Exchange a mini program's login code, like WeChat's call",
    ),
    DropInUserCall(
        path="/sns/oauth2/refresh_token", params=WechatUserRefresh, credential="refresh_token", account="appid",
        summary="Renew a user's token, like WeChat's call",
    ),
    DropInUserCall(
        path="/sns/userinfo", params=WechatUser, credential="access_token",
        summary="Get a user's profile, like WeChat's call",
    ),
    DropInUserCall(
        path="/sns/auth", params=WechatUserCheck, credential="access_token",
        summary="Check a user's token, like WeChat's call",
    ),
)  # fmt: skip
