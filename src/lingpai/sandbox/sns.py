"""WeChat's user-level calls: a login code for an openid, and what the user's token may read."""

from typing import Any, Final

from lingpai.sandbox.options import WechatApp
from lingpai.sandbox.people import CodeKind, Grant, LoginCode, User, new_session_key
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.wechat import app_of_secret
from lingpai.sandbox.world import Answer, Call, World

_USERINFO: Final = "snsapi_userinfo"


def _credentials(world: World, call: Call) -> WechatApp:
    appid = call.text("appid", 41002)
    secret = call.text("secret", 41004)
    if call.text("grant_type", 40002) != "authorization_code":
        raise Refusal(40002)
    return app_of_secret(world, appid, secret)


def _code(world: World, app: WechatApp, kind: CodeKind, value: str) -> LoginCode:
    code = world.people.codes.get(value)
    if code is None or code.account != app.appid or code.kind != kind:
        raise Refusal(40029)
    if code.used:
        raise Refusal(40163)
    if world.people.over(code):
        raise Refusal(42003)
    return code


def _spend(world: World, value: str, code: LoginCode) -> None:
    code.used = True
    world.people.codes.put(value, code)


def _minute(world: World, appid: str, name: str, limit: int) -> None:
    if not world.quotas.take(appid, name, "minute", limit):
        raise Refusal(45011)


def _token_answer(world: World, app: WechatApp, refresh_token: str, grant: Grant) -> Answer:
    token = world.people.tokens.get(grant.access_token)
    answer: Answer = {
        "access_token": grant.access_token,
        "expires_in": world.people.expires_in(token) if token else 0,
        "refresh_token": refresh_token,
        "openid": grant.openid,
        "scope": grant.scope,
    }
    if grant.snapshot:
        answer["is_snapshotuser"] = 1
    user = world.people.user(app.appid, grant.user, app.open_platform)
    return answer | _unionid(user)


def _unionid(user: User) -> dict[str, Any]:
    return {"unionid": user.unionid} if user.unionid else {}


def exchange(world: World, call: Call) -> Answer:
    """``/sns/oauth2/access_token``: a web login code for the user's tokens and openid.

    Source: docs/spec/platforms.md.

    Raises:
        Refusal: 40029 bad code, 40163 used, 41008 missing, 42003 over, 45011 too many in a minute; 40002, 41002, 41004
            and those of ``app_of_secret``.
    """
    return code_for(world, call, _credentials(world, call))


def code_for(world: World, call: Call, app: WechatApp) -> Answer:
    """Return the answer to a web login code of an app, whoever may ask for it.

    Raises:
        Refusal: 40029 bad code, 40163 used, 41008 missing, 42003 over, 45011 too many in a minute.
    """
    value = call.text("code", 41008)
    _minute(world, app.appid, call.path, world.rules.sns_per_minute)
    code = _code(world, app, "oauth", value)
    _spend(world, value, code)
    user = world.people.user(app.appid, code.user, app.open_platform)
    grant = Grant(
        ends=world.until(world.rules.refresh_token_lifetime),
        account=app.appid,
        user=code.user,
        openid=user.openid,
        scope=code.scope,
        snapshot=code.snapshot,
    )
    refresh_token = world.people.grant(grant, world.rules.user_token_lifetime)
    return _token_answer(world, app, refresh_token, grant)


def refresh(world: World, call: Call) -> Answer:
    """``/sns/oauth2/refresh_token``: prolongs a live token, or gives a new one for a dead one.

    Raises:
        Refusal: 40030 bad refresh token, 42002 over, 42007 the user changed the password, 45011 too many in a minute.
    """
    app = world.accounts.apps.get(call.text("appid", 41002))
    if app is None:
        raise Refusal(40013)
    if call.text("grant_type", 40002) != "refresh_token":
        raise Refusal(40002)
    refresh_token = call.text("refresh_token", 40030)
    _minute(world, app.appid, call.path, world.rules.sns_per_minute)
    grant = world.people.grants.get(refresh_token)
    if grant is None or grant.account != app.appid:
        raise Refusal(40030)
    if grant.broken:
        raise Refusal(42007)
    if world.people.over(grant):
        raise Refusal(42002)
    world.people.renew(refresh_token, grant, world.rules.user_token_lifetime)
    return _token_answer(world, app, refresh_token, grant)


def _granted(world: World, call: Call) -> Grant:
    access_token = call.text("access_token", 41001)
    openid = call.text("openid", 41009)
    token = world.people.tokens.get(access_token)
    grant = world.people.grants.get(token.refresh_token) if token else None
    if token is None or grant is None or grant.broken:
        raise Refusal(40001)
    if world.people.over(token):
        raise Refusal(42001)
    if grant.openid != openid:
        raise Refusal(40003)
    return grant


def profile(world: World, call: Call) -> Answer:
    """``/sns/userinfo``: the user's profile.

    Raises:
        Refusal: 41001, 41009, 40001, 42001, 40003; 48001 for another scope or a snapshot user.
    """
    grant = _granted(world, call)
    app = world.accounts.apps.get(grant.account)
    if app is None or _USERINFO not in grant.scope.split(",") or grant.snapshot:
        raise Refusal(48001)
    user = world.people.user(app.appid, grant.user, app.open_platform)
    return {
        "openid": user.openid,
        "nickname": user.user,
        "sex": 0,
        "language": call.query.get("lang", "zh_CN"),
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "privilege": [],
    } | _unionid(user)


def probe(world: World, call: Call) -> Answer:
    """``/sns/auth``: whether a user's token lives.

    Raises:
        Refusal: 41001, 41009, 40001, 42001, 40003.
    """
    _granted(world, call)
    return {"errcode": 0, "errmsg": "ok"}


def session(world: World, call: Call) -> Answer:
    """``/sns/jscode2session``: a mini program's login code for openid and session key.

    Raises:
        Refusal: 40029, 40163, 41008, 42003 for the code; 45011 beyond 100 a minute for one user, 40226 a blocked user.
    """
    return session_for(world, call, _credentials(world, call))


def session_for(world: World, call: Call, app: WechatApp) -> Answer:
    """Return the answer to a mini program's login code, whoever may ask for it.

    Raises:
        Refusal: as ``session``.
    """
    value = call.text("js_code", 41008)
    code = _code(world, app, "mini", value)
    user = world.people.user(app.appid, code.user, app.open_platform)
    if user.blocked:
        raise Refusal(40226)
    _minute(world, app.appid, f"{call.path}#{user.openid}", world.rules.session_per_minute)
    _spend(world, value, code)
    return {"session_key": new_session_key(), "openid": user.openid} | _unionid(user)
