"""A choice of API calls that a token is used for, enough for unmodified client libraries to work with."""

import secrets
from typing import Final

import msgspec

from lingpai.sandbox.handles import Handle
from lingpai.sandbox.people import User
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.world import Answer, Call, Mark, World

_OK: Final[Answer] = {"errcode": 0, "errmsg": "ok"}
_ADDRESSES: Final = ["127.0.0.1"]
_CREATED: Final = 86400.0 * 365


def callback_addresses(_world: World, _call: Call, token: Handle) -> Answer:
    """``/cgi-bin/getcallbackip``: where the platform's own calls come from."""
    return (_OK if token.family == "wecom" else {}) | {"ip_list": list(_ADDRESSES)}


def api_addresses(_world: World, _call: Call, token: Handle) -> Answer:
    """``/cgi-bin/get_api_domain_ip``: where the platform's API is served."""
    return (_OK if token.family == "wecom" else {}) | {"ip_list": list(_ADDRESSES)}


def _follower(world: World, token: Handle, openid: str) -> User:
    user = world.people.of_openid(token.account, openid)
    if user is None:
        raise Refusal(40003)
    return user


def follower(world: World, call: Call, token: Handle) -> Answer:
    """WeChat's ``/cgi-bin/user/info``.

    Raises:
        Refusal: 41009 no openid, 40003 an openid that this app never met.
    """
    user = _follower(world, token, call.text("openid", 41009))
    unionid = {"unionid": user.unionid} if user.unionid else {}
    answer: Answer = {"subscribe": int(user.subscribed), "openid": user.openid}
    if not user.subscribed:
        return answer | unionid
    return answer | {"language": "zh_CN", "subscribe_time": int(world.clock.now()), "remark": ""} | unionid


def followers(world: World, _call: Call, token: Handle) -> Answer:
    """WeChat's ``/cgi-bin/user/get``: the openids of those who follow."""
    openids = [user.openid for user in world.people.of_account(token.account) if user.subscribed]
    data = {"data": {"openid": openids}} if openids else {}
    return {
        "total": len(openids),
        "count": len(openids),
        **data,
        "next_openid": openids[-1] if openids else "",
    }


def customer_message(world: World, call: Call, token: Handle) -> Answer:
    """WeChat's ``/cgi-bin/message/custom/send``.

    Raises:
        Refusal: 40003 an openid that this app never met, 47001 no JSON object.
    """
    _follower(world, token, str(call.document.get("touser", "")))
    return dict(_OK)


def create_menu(world: World, call: Call, token: Handle) -> Answer:
    """``/cgi-bin/menu/create``: keeps the menu.

    Raises:
        Refusal: 47001 no JSON object.
    """
    _ = call.document
    menu = Mark(ends=world.until(_CREATED), text=call.body.decode("utf-8", "replace"))
    world.marks.put(f"menu|{token.account}|{token.agentid}", menu)
    return dict(_OK)


def get_menu(world: World, _call: Call, token: Handle) -> Answer:
    """``/cgi-bin/menu/get``: the menu that was created.

    Raises:
        Refusal: 46003 there is none.
    """
    menu = world.marks.get(f"menu|{token.account}|{token.agentid}")
    if menu is None:
        raise Refusal(46003, "menu no exist")
    return {"menu": msgspec.json.decode(menu.text)}


def delete_menu(world: World, _call: Call, token: Handle) -> Answer:
    """``/cgi-bin/menu/delete``: forgets the menu."""
    world.marks.drop(f"menu|{token.account}|{token.agentid}")
    return dict(_OK)


def member(world: World, call: Call, token: Handle) -> Answer:
    """WeCom's ``/cgi-bin/user/get``.

    Raises:
        Refusal: 60111 no userid, or one of another corp.
    """
    userid = call.text("userid", 60111)
    known = {user.user for user in world.people.of_account(token.account)}
    if userid not in known:
        raise Refusal(60111)
    return _OK | {"userid": userid, "name": userid, "department": [1], "status": 1}


def members(world: World, _call: Call, token: Handle) -> Answer:
    """WeCom's ``/cgi-bin/user/simplelist`` and ``/cgi-bin/user/list``: the members of the one department there is."""
    users = sorted({user.user for user in world.people.of_account(token.account)})
    return _OK | {"userlist": [{"userid": each, "name": each, "department": [1]} for each in users]}


def departments(world: World, call: Call, token: Handle) -> Answer:
    """WeCom's ``/cgi-bin/department/list``: the one department there is, or below the one that `id` names.

    Raises:
        Refusal: 60003 for another one.
    """
    if call.query.get("id", "1") != "1":
        raise Refusal(60003)
    corp = world.accounts.corps[token.account]
    return _OK | {"department": [{"id": 1, "name": corp.name, "parentid": 0, "order": 100_000_000}]}


def _own_agent(token: Handle, given: object) -> int:
    try:
        agentid = int(str(given))
    except ValueError:
        raise Refusal(40056) from None
    if agentid != token.agentid:
        raise Refusal(301002)
    return agentid


def agent(world: World, call: Call, token: Handle) -> Answer:
    """WeCom's ``/cgi-bin/agent/get``.

    Raises:
        Refusal: 41011 no agentid, 40056 no number, 301002 another agent's.
    """
    agentid = _own_agent(token, call.text("agentid", 41011))
    known = world.agent(token.account, agentid)
    return _OK | {"agentid": agentid, "name": known.name if known else "", "close": 0}


def agent_message(_world: World, call: Call, token: Handle) -> Answer:
    """WeCom's ``/cgi-bin/message/send``.

    Raises:
        Refusal: 41011 no agentid, 40056 no number, 301002 another agent's, 47001 no JSON object.
    """
    if "agentid" not in call.document:
        raise Refusal(41011)
    _own_agent(token, call.document["agentid"])
    return _OK | {"msgid": secrets.token_urlsafe(24)}
