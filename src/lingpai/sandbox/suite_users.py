"""Users of corps that authorised a third-party app of WeCom (a suite): their login codes.

Source: docs/spec/platforms.md.
"""

import secrets
from typing import Final

from lingpai.sandbox.people import CodeKind, LoginCode, new_session_key
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.suites import acting, authorization_of, open_userid
from lingpai.sandbox.world import Answer, Call, World

_OK: Final[Answer] = {"errcode": 0, "errmsg": "ok"}


def _user(world: World, call: Call, name: str, kind: CodeKind) -> LoginCode:
    """Spend a login code of a user of any corp that has authorised the suite of a call."""
    suite = acting(world, call)
    value = call.text(name, 41008)
    code = world.people.codes.get(value)
    if code is None or code.kind != kind or code.used or world.people.over(code):
        raise Refusal(40029)
    found = authorization_of(world, suite, code.account)
    if found is None or code.agentid not in {0, found.agentid}:
        raise Refusal(40029)
    code.used = True
    world.people.codes.put(value, code)
    return code


def login(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/auth/getuserinfo3rd``: the user of this code and the corp, a member or an outsider.

    Raises:
        Refusal: 41008 no code, 40029 a code that is unknown, used, over or of a corp that has not authorised; see
            ``acting``.
    """
    code = _user(world, call, "code", "wecom")
    user = world.people.user(code.account, code.user)
    if code.outsider:
        return _OK | {
            "corpid": code.account,
            "openid": user.openid,
            "external_userid": f"wm{user.openid[1:]}",
        }
    ticket = {"user_ticket": secrets.token_urlsafe(48)} if code.scope == "snsapi_privateinfo" else {}
    known = {"userid": code.user, "open_userid": open_userid(code.account, code.user)}
    return _OK | {"corpid": code.account} | known | ticket


def old_login(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/getuserinfo3rd``: the same with the older spelling of the fields.

    Raises:
        Refusal: see ``login``.
    """
    code = _user(world, call, "code", "wecom")
    openid = world.people.user(code.account, code.user).openid
    who = {"OpenId": openid} if code.outsider else {"UserId": code.user}
    return _OK | {"CorpId": code.account, "DeviceId": f"sandbox-{openid[1:9]}"} | who


def session(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/miniprogram/jscode2session``: corp, member and session key for a mini program's code.

    Raises:
        Refusal: 40002 wrong grant_type; as ``login``.
    """
    if call.query.get("grant_type", "authorization_code") != "authorization_code":
        raise Refusal(40002, "invalid grant_type")
    code = _user(world, call, "js_code", "mini")
    known = {"userid": code.user, "open_userid": open_userid(code.account, code.user)}
    return _OK | {"corpid": code.account, "session_key": new_session_key()} | known
