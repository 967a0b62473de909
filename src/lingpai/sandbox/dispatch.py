"""Dispatch: the routes of both platforms, and the token that decides between them."""

from typing import Final, NamedTuple

from lingpai.sandbox import apis, components, media, sns, suite_users, suites, wechat, wechat_quota, wecom
from lingpai.sandbox.accounts import admits
from lingpai.sandbox.files import File
from lingpai.sandbox.handles import Handle
from lingpai.sandbox.refusals import Platform, Refusal, refuse
from lingpai.sandbox.world import Answer, Call, OpenHandler, TokenHandler, World

JSON: Final = "application/json; encoding=utf-8"
_TEXT: Final = "text/plain"
_GET: Final = frozenset({"GET", "HEAD"})
_POST: Final = frozenset({"POST"})
_ANY: Final = _GET | _POST


class Reply(NamedTuple):
    """An answer and its content type."""

    answer: Answer | File
    content_type: str = JSON


class OpenRoute(NamedTuple):
    """A call without an access token of the app."""

    methods: frozenset[str]
    platform: Platform
    handler: OpenHandler
    error_type: str = JSON


class TokenRoute(NamedTuple):
    """A call with the app's access token."""

    methods: frozenset[str]
    handler: TokenHandler


OPEN: Final[dict[str, OpenRoute]] = {
    "/cgi-bin/token": OpenRoute(_ANY, "wechat", wechat.classic_token),
    "/cgi-bin/stable_token": OpenRoute(_POST, "wechat", wechat.stable_token),
    "/cgi-bin/clear_quota/v2": OpenRoute(_POST, "wechat", wechat_quota.clear_by_secret),
    "/sns/oauth2/access_token": OpenRoute(_ANY, "wechat", sns.exchange),
    "/sns/oauth2/refresh_token": OpenRoute(_ANY, "wechat", sns.refresh),
    "/sns/userinfo": OpenRoute(_ANY, "wechat", sns.profile),
    "/sns/auth": OpenRoute(_ANY, "wechat", sns.probe),
    "/sns/jscode2session": OpenRoute(_ANY, "wechat", sns.session, _TEXT),
    **{
        f"/cgi-bin/component/{name}": OpenRoute(_POST, "wechat", handler)
        for name, handler in (
            ("api_start_push_ticket", components.restart),
            ("api_component_token", components.token),
            ("api_create_preauthcode", components.pre_auth_code),
            ("api_query_auth", components.query_auth),
            ("api_authorizer_token", components.merchant_token),
            ("api_get_authorizer_info", components.merchant_info),
            ("api_get_authorizer_list", components.merchant_list),
            ("api_get_authorizer_option", components.get_option),
            ("api_set_authorizer_option", components.set_option),
        )
    },
    "/sns/oauth2/component/access_token": OpenRoute(_ANY, "wechat", components.exchange),
    "/sns/component/jscode2session": OpenRoute(_ANY, "wechat", components.session, _TEXT),
    "/cgi-bin/gettoken": OpenRoute(_ANY, "wecom", wecom.token),
    **{
        f"/cgi-bin/service/{name}": OpenRoute(methods, "wecom", handler)
        for name, methods, handler in (
            ("get_provider_token", _POST, suites.provider_token),
            ("get_suite_token", _POST, suites.token),
            ("get_pre_auth_code", _GET, suites.pre_auth_code),
            ("set_session_info", _POST, suites.set_session_info),
            ("get_permanent_code", _POST, suites.permanent_code),
            ("v2/get_permanent_code", _POST, suites.quick_permanent_code),
            ("get_auth_info", _POST, suites.auth_info),
            ("v2/get_auth_info", _POST, suites.auth_info),
            ("get_corp_token", _POST, suites.corp_token),
            ("get_admin_list", _POST, suites.admin_list),
            ("auth/getuserinfo3rd", _GET, suite_users.login),
            ("getuserinfo3rd", _GET, suite_users.old_login),
            ("miniprogram/jscode2session", _GET, suite_users.session),
        )
    },
}
WECHAT: Final[dict[str, TokenRoute]] = {
    "/cgi-bin/ticket/getticket": TokenRoute(_GET, wechat.ticket),
    "/cgi-bin/clear_quota": TokenRoute(_POST, wechat_quota.clear),
    "/cgi-bin/openapi/quota/clear": TokenRoute(_POST, wechat_quota.clear_one),
    "/cgi-bin/openapi/quota/get": TokenRoute(_POST, wechat_quota.read),
    "/cgi-bin/getcallbackip": TokenRoute(_GET, apis.callback_addresses),
    "/cgi-bin/get_api_domain_ip": TokenRoute(_GET, apis.api_addresses),
    "/cgi-bin/user/info": TokenRoute(_GET, apis.follower),
    "/cgi-bin/user/get": TokenRoute(_GET, apis.followers),
    "/cgi-bin/message/custom/send": TokenRoute(_POST, apis.customer_message),
    "/cgi-bin/menu/create": TokenRoute(_POST, apis.create_menu),
    "/cgi-bin/menu/get": TokenRoute(_GET, apis.get_menu),
    "/cgi-bin/menu/delete": TokenRoute(_GET, apis.delete_menu),
    "/cgi-bin/media/upload": TokenRoute(_POST, media.upload),
    "/cgi-bin/media/get": TokenRoute(_GET, media.download),
}
WECOM: Final[dict[str, TokenRoute]] = {
    "/cgi-bin/get_jsapi_ticket": TokenRoute(_GET, wecom.corp_ticket),
    "/cgi-bin/ticket/get": TokenRoute(_GET, wecom.agent_ticket),
    "/cgi-bin/auth/getuserinfo": TokenRoute(_GET, wecom.login),
    "/cgi-bin/user/getuserinfo": TokenRoute(_GET, wecom.old_login),
    "/cgi-bin/miniprogram/jscode2session": TokenRoute(_GET, wecom.session),
    "/cgi-bin/getcallbackip": TokenRoute(_GET, apis.callback_addresses),
    "/cgi-bin/get_api_domain_ip": TokenRoute(_GET, apis.api_addresses),
    "/cgi-bin/user/get": TokenRoute(_GET, apis.member),
    "/cgi-bin/user/simplelist": TokenRoute(_GET, apis.members),
    "/cgi-bin/user/list": TokenRoute(_GET, apis.members),
    "/cgi-bin/department/list": TokenRoute(_GET, apis.departments),
    "/cgi-bin/agent/get": TokenRoute(_GET, apis.agent),
    "/cgi-bin/message/send": TokenRoute(_POST, apis.agent_message),
    "/cgi-bin/menu/create": TokenRoute(_POST, apis.create_menu),
    "/cgi-bin/menu/get": TokenRoute(_GET, apis.get_menu),
    "/cgi-bin/menu/delete": TokenRoute(_GET, apis.delete_menu),
    "/cgi-bin/media/upload": TokenRoute(_POST, media.upload),
    "/cgi-bin/media/get": TokenRoute(_GET, media.download),
}
_TOKEN_ROUTES: Final[dict[Platform, dict[str, TokenRoute]]] = {"wechat": WECHAT, "wecom": WECOM}
PATHS: Final = OPEN.keys() | WECHAT.keys() | WECOM.keys()
_UNKNOWN: Final[dict[Platform, int]] = {"wechat": 40001, "wecom": 40014}
# An operator must get out of an exhausted quota: these are never refused for it.
_UNMETERED: Final = frozenset(
    {"/cgi-bin/clear_quota", "/cgi-bin/openapi/quota/clear", "/cgi-bin/openapi/quota/get"}
)


def account_of(world: World, call: Call) -> str:
    """Whom a call names: by its token, else by the appid or corpid it gives; "" for nobody."""
    held = world.tokens.get(call.query.get("access_token", ""))
    if held is not None:
        return held.account
    names = ("appid", "authorizer_appid", "corpid", "auth_corpid", "component_appid", "suite_id")
    return next(filter(None, (call.query.get(name) or call.peek(name) for name in names)), "")


def _require(methods: frozenset[str], call: Call) -> None:
    if call.method not in methods:
        raise Refusal(43001 if "GET" in methods else 43002)


def _platform(call: Call, held: Handle | None) -> Platform:
    if held is not None:
        return "wecom" if held.family == "wecom" else "wechat"
    return "wecom" if call.path in WECOM and call.path not in WECHAT else "wechat"


def _live(world: World, platform: Platform, held: Handle | None) -> Handle:
    if held is None or world.accounts.find(held.account) is None:
        raise Refusal(_UNKNOWN[platform])
    fate = world.tokens.fate(held)
    if fate != "live":
        raise Refusal(42001 if fate == "expired" else _UNKNOWN[platform])
    return held


def _with_token(world: World, call: Call, platform: Platform, held: Handle | None) -> Answer | File:
    if call.path.startswith("/sns/") or call.path == "/":
        raise Refusal(40066)
    if not call.query.get("access_token"):
        raise Refusal(41001)
    token = _live(world, platform, held)
    if platform == "wecom":
        wecom.trust(world, call, token)
    elif call.path not in _UNMETERED:
        world.spend(world.accounts.apps[token.account], call.path)
    route = _TOKEN_ROUTES[platform].get(call.path)
    if route is None:
        return {"errcode": 0, "errmsg": "ok"}
    _require(route.methods, call)
    return route.handler(world, call, token)


def _admit(world: World, call: Call, platform: Platform) -> None:
    """Refuse every address but those of the switch ``only_from``, on every call."""
    if not admits(world.rules.only_from, call.address):
        raise (
            Refusal(60020)
            if platform == "wecom"
            else Refusal(40164, f"invalid ip {call.address}, not in whitelist")
        )


def dispatch(world: World, call: Call) -> Reply:
    """Answer a call as the platform would; never raises for what a caller sent."""
    held = world.tokens.get(call.query.get("access_token", ""))
    route = OPEN.get(call.path)
    platform = route.platform if route else _platform(call, held)
    try:
        _admit(world, call, platform)
        if route is None:
            return Reply(_with_token(world, call, platform, held))
        _require(route.methods, call)
        return Reply(route.handler(world, call))
    except Refusal as refusal:
        answer = refuse(platform, refusal, world.clock.now(), call.address)
        return Reply(answer, route.error_type if route else JSON)
