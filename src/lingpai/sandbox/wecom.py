"""WeCom's server side: one token per corp and secret, tickets per corp and per agent, and logins."""

import hmac
import secrets
from typing import Final

from lingpai.sandbox.accounts import admits
from lingpai.sandbox.handles import Family, Handle, line_of
from lingpai.sandbox.options import WecomAgent, WecomCorp
from lingpai.sandbox.people import LoginCode, new_session_key
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.world import Answer, Call, Mark, World

_OK: Final[Answer] = {"errcode": 0, "errmsg": "ok"}
_BLOCKED_FOR: Final = 3600.0


def _agent_of_secret(world: World, corp: WecomCorp, secret: str) -> WecomAgent:
    for agent in corp.agents:
        if hmac.compare_digest(agent.secret.encode(), secret.encode()):
            return agent
    others = {agent.secret for other in world.accounts.corps.values() for agent in other.agents}
    if not world.quotas.take(corp.corpid, "wrong calls", "hour", world.rules.wrong_calls_per_hour):
        world.marks.put(f"blocked|{corp.corpid}", Mark(ends=world.until(_BLOCKED_FOR)))
        raise Refusal(45009)
    raise Refusal(40091) if secret in others else Refusal(40001)


def token(world: World, call: Call) -> Answer:
    """``/cgi-bin/gettoken``: the same token with its remaining seconds while it lives, then a new one.

    Source: docs/spec/platforms.md.

    Raises:
        Refusal: 41002, 41004, 40013, 40001, 40091, 45009 after too many wrong calls, and the agent's own switch.
    """
    corpid = call.text("corpid", 41002)
    secret = call.text("corpsecret", 41004)
    corp = world.accounts.corps.get(corpid)
    if corp is None:
        raise Refusal(40013)
    if world.is_in_force(world.marks.get(f"blocked|{corpid}")):
        raise Refusal(45009)
    agent = _agent_of_secret(world, corp, secret)
    if agent.refusal:
        raise Refusal(agent.refusal)
    held = world.tokens.reusable(line_of(corpid, "wecom", agent.agentid))
    if held is None:
        held = world.tokens.issue(corpid, "wecom", world.rules.token_lifetime, agentid=agent.agentid)
    return _OK | {"access_token": held.value, "expires_in": world.tokens.expires_in(held)}


def trust(world: World, call: Call, held: Handle) -> None:
    """The trusted-IP list of the token's agent, checked on every API call.

    Raises:
        Refusal: 60020, the address is not on it.
    """
    agent = world.agent(held.account, held.agentid)
    if agent is None:
        raise Refusal(40014)
    if not admits(agent.trusted_ips, call.address):
        raise Refusal(60020)


def _spend_ticket_call(world: World, call: Call, held: Handle) -> None:
    budgets = (
        (call.path, world.rules.tickets_per_corp),
        (f"{call.path}#{held.agentid}", world.rules.tickets_per_agent),
    )
    if any(world.quotas.used(held.account, name, "hour") >= limit for name, limit in budgets):
        raise Refusal(45009)
    for name, limit in budgets:
        world.quotas.take(held.account, name, "hour", limit)


def _ticket(world: World, account: str, family: Family, agentid: int = 0) -> Answer:
    ticket = world.tickets.reusable(line_of(account, family, agentid))
    if ticket is None:
        ticket = world.tickets.issue(account, family, world.rules.ticket_lifetime, agentid=agentid)
    return _OK | {"ticket": ticket.value, "expires_in": world.tickets.expires_in(ticket)}


def corp_ticket(world: World, call: Call, held: Handle) -> Answer:
    """``/cgi-bin/get_jsapi_ticket``: the corp's ticket.

    Raises:
        Refusal: 45009 beyond 400 calls an hour of the corp or 100 of the agent (rules).
    """
    _spend_ticket_call(world, call, held)
    return _ticket(world, held.account, "jsapi")


def agent_ticket(world: World, call: Call, held: Handle) -> Answer:
    """``/cgi-bin/ticket/get?type=agent_config``: the agent's ticket.

    Raises:
        Refusal: 40097 for another type; 45009 as ``corp_ticket``.
    """
    if call.query.get("type") != "agent_config":
        raise Refusal(40097, "invalid args")
    _spend_ticket_call(world, call, held)
    return _ticket(world, held.account, "agent_config", held.agentid)


def _redeem(world: World, held: Handle, value: str) -> LoginCode:
    code = world.people.codes.get(value)
    if code is None or code.kind == "oauth" or code.account != held.account:
        raise Refusal(40029)
    if code.used or world.people.over(code) or code.agentid not in {0, held.agentid}:
        raise Refusal(40029)
    code.used = True
    world.people.codes.put(value, code)
    return code


def login(world: World, call: Call, held: Handle) -> Answer:
    """``/cgi-bin/auth/getuserinfo``: the user of this code, a member or an outsider.

    Raises:
        Refusal: 41008 no code, 40029 a code that is unknown, used, over or another agent's.
    """
    code = _redeem(world, held, call.text("code", 41008))
    if code.outsider:
        openid = world.people.user(held.account, code.user).openid
        return _OK | {"openid": openid, "external_userid": f"wm{openid[1:]}"}
    ticket = {"user_ticket": secrets.token_urlsafe(48)} if code.scope == "snsapi_privateinfo" else {}
    return _OK | {"userid": code.user} | ticket


def old_login(world: World, call: Call, held: Handle) -> Answer:
    """``/cgi-bin/user/getuserinfo``: the same with the older spelling of the fields.

    Raises:
        Refusal: see ``login``.
    """
    code = _redeem(world, held, call.text("code", 41008))
    openid = world.people.user(held.account, code.user).openid
    device = {"DeviceId": f"sandbox-{openid[1:9]}"}
    return _OK | ({"OpenId": openid} if code.outsider else {"UserId": code.user}) | device


def session(world: World, call: Call, held: Handle) -> Answer:
    """``/cgi-bin/miniprogram/jscode2session``: member and session key for a mini program's code.

    Raises:
        Refusal: 40002 wrong grant_type, 41008 no code, 40029 a bad one.
    """
    if call.query.get("grant_type", "authorization_code") != "authorization_code":
        raise Refusal(40002, "invalid grant_type")
    code = _redeem(world, held, call.text("js_code", 41008))
    return _OK | {"corpid": held.account, "userid": code.user, "session_key": new_session_key()}
