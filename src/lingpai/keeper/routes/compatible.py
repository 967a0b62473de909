"""The compatible routes: those of accesstoken-service, unchanged (docs/spec/keeper.md)."""

from typing import Any, TypeVar

import msgspec

from lingpai import __version__
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call, Reply, Route, Source
from lingpai.keeper.access import Ask, authorize
from lingpai.keeper.exchange import exchange
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.parameters import BODY, Code, Id, Secret, Url
from lingpai.keeper.platforms.drop_in import TokenAnswer
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.reporting import clear
from lingpai.keeper.routes.shapes import COMPATIBLE, COMPATIBLE_JSON, COMPATIBLE_SESSION
from lingpai.keeper.routes.signatures import PageToSign, Preflights, sign_for
from lingpai.keeper.routes.token_answers import answer_token
from lingpai.keeper.signing import PageSignature

T = TypeVar("T")


class Nothing(msgspec.Struct):
    """No parameters, or nothing to say."""


class XcxApp(msgspec.Struct):
    """A WeChat official account or mini program."""

    appid: Id
    secret: Secret | None = None


class QyApp(msgspec.Struct):
    """A WeCom app.

    One corpid has many secrets. The secret may be left out when a caller key comes as bearer.
    """

    corpid: Id
    secret: Secret | None = None


class OauthCode(msgspec.Struct):
    """A code of WeChat's web login."""

    code: Code
    wx_app_id: Id
    wx_app_secret: Secret | None = None


class Page(msgspec.Struct):
    """A page to sign."""

    wx_app_id: Id
    url: Url
    wx_app_secret: Secret | None = None


class SessionCode(msgspec.Struct):
    """A mini program's login code."""

    appid: Id
    code: Code
    secret: Secret | None = None


class OauthUser(msgspec.Struct, omit_defaults=True):
    """WeChat's answer to a web login code."""

    access_token: str
    expires_in: int
    refresh_token: str
    openid: str
    scope: str
    unionid: str | None = None
    is_snapshotuser: int | None = None


class SessionUser(msgspec.Struct):
    """WeChat's answer to a mini program's code; `unionid` is empty when it sent none."""

    openid: str
    session_key: str
    unionid: str = ""


class Alive(msgspec.Struct):
    """A sign of life."""

    tips: str
    version: str


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """Return the compatible routes over this keeper."""
    wechat, wecom = keeper.platforms["wechat"], keeper.platforms["wecom"]

    async def get_xcx(params: XcxApp, call: Call) -> TokenAnswer:
        return await answer_token(keeper, call, Ask(wechat, params.appid, params.secret, "token"))

    async def clear_xcx(params: XcxApp, call: Call) -> Nothing:
        await clear(keeper, await authorize(keeper, call, Ask(wechat, params.appid, params.secret, "clear")))
        return Nothing()

    async def get_qyapi(params: QyApp, call: Call) -> TokenAnswer:
        return await answer_token(keeper, call, _wecom_ask(wecom, params, call, "token"))

    async def clear_qyapi(params: QyApp, call: Call) -> Nothing:
        await clear(keeper, await authorize(keeper, call, _wecom_ask(wecom, params, call, "clear")))
        return Nothing()

    async def get_oauth_access_token(params: OauthCode, call: Call) -> OauthUser:
        ask = Ask(wechat, params.wx_app_id, params.wx_app_secret, "exchange")
        answer = await exchange(keeper, await authorize(keeper, call, ask), "oauth", params.code)
        return _as(OauthUser, answer)

    async def jscode2session(params: SessionCode, call: Call) -> SessionUser:
        app = await authorize(keeper, call, Ask(wechat, params.appid, params.secret, "exchange"))
        return _as(SessionUser, await exchange(keeper, app, "mini", params.code))

    async def get_js_api_sign(params: Page, call: Call) -> PageSignature | Reply:
        ask = Ask(wechat, params.wx_app_id, params.wx_app_secret, "sign")
        return await sign_for(keeper, call, ask, PageToSign("config", params.url), COMPATIBLE_JSON)

    both = ("GET", "POST")
    get = ("GET",)
    post = ("POST",)
    token, user, sign = "Compatible: tokens", "Compatible: users", "Compatible: signatures"
    return (
        Route(both, "/AccessToken/getXcx", XcxApp, BODY, get_xcx, COMPATIBLE,
              "Get the token of an official account or mini program", TokenAnswer, token),
        Route(both, "/AccessToken/clearXcx", XcxApp, BODY, clear_xcx, COMPATIBLE,
              "Drop the cached token; the next getXcx fetches a new one", Nothing, token),
        Route(both, "/AccessToken/getQyapi", QyApp, BODY, get_qyapi, COMPATIBLE,
              "Get the token of a WeCom app", TokenAnswer, token),
        Route(both, "/AccessToken/clearQyapi", QyApp, BODY, clear_qyapi, COMPATIBLE,
              "Drop the cached token; the next getQyapi fetches a new one", Nothing, token),
        Route(post, "/AccessToken/getOauthAccessToken", OauthCode, BODY, get_oauth_access_token, COMPATIBLE_JSON,
              "Exchange a web login code for the user's openid", OauthUser, user),
        *(
            Route(both, f"/{segment}/jscode2session", SessionCode, BODY, jscode2session, COMPATIBLE_SESSION,
                  "Exchange a mini program's login code for openid and session key", SessionUser, user)
            for segment in ("xcx", "Xcx")
        ),
        Route(post, "/JsSDK/getJsApiSign", Page, BODY, get_js_api_sign, COMPATIBLE_JSON,
              "Sign a page for wx.config", PageSignature, sign),
        Route(("OPTIONS",), "/JsSDK/getJsApiSign", Nothing, Source.QUERY, Preflights(keeper).answer, COMPATIBLE_JSON,
              "CORS preflight of a page whose origin an account lists", Reply, sign),
        *(
            Route(get, path, Nothing, Source.QUERY, alive, COMPATIBLE,
                  "Check that the process answers", Alive, "Compatible: life")
            for path in ("/", "/index/index")
        ),
    )  # fmt: skip


async def alive(params: Nothing, call: Call) -> Alive:
    """Answer that the process runs, and nothing more."""
    del params, call
    return Alive("Lingpai 令牌 is running; see /docs for its routes.", __version__)


def _wecom_ask(wecom: Platform, params: QyApp, call: Call, right: str) -> Ask:
    if params.secret is None and call.bearer is None:
        raise LingpaiError(Kind.MISSING_PARAMETER, "The parameter secret is missing.", parameter="secret")
    return Ask(wecom, params.corpid, params.secret, right)


def _as(kind: type[T], answer: dict[str, Any]) -> T:
    try:
        return msgspec.convert(answer, kind, strict=False)
    except msgspec.ValidationError as error:
        raise LingpaiError(
            Kind.UPSTREAM_UNAVAILABLE,
            "The upstream platform answered with undocumented field types.",
        ) from error
