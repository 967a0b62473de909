"""Drop-in routes in WeChat's and WeCom's own shapes: an existing SDK needs nothing but another base URL.

The client's `secret` is the app's own secret or a caller key. Nothing here ever forces a refresh, whatever
the client asks for: a client that fetches in a loop is served what is held (docs/architecture.md). Who holds a live
token may have a ticket with it, as at the platform itself.
"""

from typing import Annotated, Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential
from lingpai.core.wire import Call, Route
from lingpai.keeper.access import Ask, authorize
from lingpai.keeper.app import App
from lingpai.keeper.exchange import exchange
from lingpai.keeper.generations import current_of, is_live
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Platform
from lingpai.keeper.routes.compatible import BODY, Code, Id, Secret
from lingpai.keeper.routes.shapes import WECHAT, WECOM
from lingpai.keeper.routes.token_answers import HeldToken, held_token

Token = Annotated[str, msgspec.Meta(max_length=4096, description="a token that was handed out here")]

CLIENT_CREDENTIAL = "client_credential"
TICKETS = {"jsapi": "jsapi_ticket", "wx_card": "wx_card_ticket"}


class WechatCredential(msgspec.Struct):
    """As WeChat's own token call; `force_refresh` is accepted and does nothing."""

    grant_type: str
    appid: Id
    secret: Secret
    force_refresh: Any = False


class WechatTicket(msgspec.Struct):
    """As WeChat's own ticket call."""

    access_token: Token
    type: str = "jsapi"


class WechatCode(msgspec.Struct):
    """As WeChat's own exchange of a web login code."""

    appid: Id
    secret: Secret
    code: Code
    grant_type: str = "authorization_code"


class WechatSession(msgspec.Struct):
    """As WeChat's own exchange of a mini program's code."""

    appid: Id
    secret: Secret
    js_code: Code
    grant_type: str = "authorization_code"


class WecomCredential(msgspec.Struct):
    """As WeCom's own token call."""

    corpid: Id
    corpsecret: Secret


class WecomTicket(msgspec.Struct):
    """As WeCom's own ticket calls."""

    access_token: Token
    type: str = "agent_config"


class WecomToken(msgspec.Struct):
    """As WeCom answers a token call."""

    errcode: int
    errmsg: str
    access_token: str
    expires_in: int


class PlatformTicket(msgspec.Struct):
    """As both platforms answer a ticket call."""

    errcode: int
    errmsg: str
    ticket: str
    expires_in: int


def routes(keeper: Keeper) -> tuple[Route, ...]:
    """The drop-in routes over this keeper."""
    wechat, wecom = keeper.platforms["wechat"], keeper.platforms["wecom"]

    async def token(params: WechatCredential, call: Call) -> HeldToken:
        if params.grant_type != CLIENT_CREDENTIAL:
            raise LingpaiError(Kind.UPSTREAM_REFUSED, "invalid grant_type", code=40002)
        return await held_token(keeper, call, Ask(wechat, params.appid, params.secret, "token"))

    async def gettoken(params: WecomCredential, call: Call) -> WecomToken:
        held = await held_token(keeper, call, Ask(wecom, params.corpid, params.corpsecret, "token"))
        again = call.again
        if again is not None:
            call.again = lambda: _as_wecom(again())
        return WecomToken(0, "ok", held.access_token, held.expires_in)

    async def getticket(params: WechatTicket, call: Call) -> PlatformTicket:
        del call  # the token says who may
        if params.type not in TICKETS:
            raise LingpaiError(Kind.INVALID_PARAMETER, "type must be jsapi or wx_card", parameter="type")
        return await _ticket(keeper, wechat, params.access_token, TICKETS[params.type])

    async def corp_ticket(params: WecomTicket, call: Call) -> PlatformTicket:
        del call
        return await _ticket(keeper, wecom, params.access_token, "corp_ticket")

    async def agent_ticket(params: WecomTicket, call: Call) -> PlatformTicket:
        del call
        if params.type != "agent_config":
            raise LingpaiError(Kind.INVALID_PARAMETER, "type must be agent_config", parameter="type")
        return await _ticket(keeper, wecom, params.access_token, "agent_ticket")

    async def oauth(params: WechatCode, call: Call) -> dict[str, Any]:
        app = await authorize(keeper, call, Ask(wechat, params.appid, params.secret, "exchange"))
        return await exchange(keeper, app, "oauth", params.code)

    async def session(params: WechatSession, call: Call) -> dict[str, Any]:
        app = await authorize(keeper, call, Ask(wechat, params.appid, params.secret, "exchange"))
        return await exchange(keeper, app, "mini", params.js_code)

    both = ("GET", "POST")
    tag = "Drop-in"
    return (
        Route(both, "/cgi-bin/token", WechatCredential, BODY, token, WECHAT,
              "As WeChat's classic token call", HeldToken, tag),
        Route(("POST",), "/cgi-bin/stable_token", WechatCredential, BODY, token, WECHAT,
              "As WeChat's stable token call", HeldToken, tag),
        Route(both, "/cgi-bin/ticket/getticket", WechatTicket, BODY, getticket, WECHAT,
              "As WeChat's ticket call", PlatformTicket, tag),
        Route(both, "/sns/oauth2/access_token", WechatCode, BODY, oauth, WECHAT,
              "As WeChat's exchange of a web login code", dict[str, Any], tag),
        Route(both, "/sns/jscode2session", WechatSession, BODY, session, WECHAT,
              "As WeChat's exchange of a mini program's code", dict[str, Any], tag),
        Route(both, "/cgi-bin/gettoken", WecomCredential, BODY, gettoken, WECOM,
              "As WeCom's token call", WecomToken, tag),
        Route(both, "/cgi-bin/get_jsapi_ticket", WecomTicket, BODY, corp_ticket, WECOM,
              "As WeCom's corp ticket call", PlatformTicket, tag),
        Route(both, "/cgi-bin/ticket/get", WecomTicket, BODY, agent_ticket, WECOM,
              "As WeCom's app ticket call", PlatformTicket, tag),
    )  # fmt: skip


def _as_wecom(held: HeldToken | None) -> WecomToken | None:
    return None if held is None else WecomToken(0, "ok", held.access_token, held.expires_in)


async def _ticket(keeper: Keeper, platform: Platform, token: str, kind: str) -> PlatformTicket:
    app = await app_of_token(keeper, platform, token)
    try:
        current = current_of(await keeper.credentials.get_or_fetch(app, kind))
    except LingpaiError as error:
        if error.kind is not Kind.NO_SECRET:
            raise
        # Its token is dead, and only who has the secret gets another: this makes clients fetch one.
        raise LingpaiError(
            Kind.UNKNOWN_TOKEN, "access_token is not taken any more; fetch another one"
        ) from error
    keeper.audit.count(app.asker, app.logged_name, "ticket")
    return PlatformTicket(0, "ok", current.value, int(current.end.remaining(keeper.clock)))


async def app_of_token(keeper: Keeper, platform: Platform, token: str) -> App:
    """The app for which we handed out this live token.

    Raises:
        LingpaiError: UNKNOWN_TOKEN when we did not, or it has ended.
    """
    credential = await keeper.store.find_credential(token)
    if credential is None or not _is_live_token(keeper, credential, platform, token):
        raise LingpaiError(Kind.UNKNOWN_TOKEN, "access_token is not one that is held here, or it has expired")
    return await app_of_credential(keeper, credential, f"token:{platform.name}/{credential.key.account}")


async def app_of_credential(keeper: Keeper, credential: Credential, asker: str) -> App:
    """The app that a credential belongs to; one without a secret when it is not configured."""
    key = credential.key
    for account in await keeper.store.find_accounts(key.platform, key.account):
        app = keeper.app_of(account, asker)
        if app.digest == key.secret_digest:
            return app
    return App(
        platform=keeper.platforms[key.platform],
        account=key.account,
        secret="",
        digest=key.secret_digest,
        configured=False,
        asker=asker,
    )


def _is_live_token(keeper: Keeper, credential: Credential, platform: Platform, token: str) -> bool:
    if credential.key.platform != platform.name or credential.key.kind != ACCESS_TOKEN:
        return False
    generations = (credential.current, credential.previous)
    return any(each is not None and each.value == token and is_live(keeper, each) for each in generations)
