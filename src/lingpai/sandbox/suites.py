"""WeCom's third-party apps (suites): their tokens and codes, and the corps that authorised them.

Source: docs/spec/platforms.md.
"""

import hmac
import secrets
from typing import Any, Final

import msgspec

from lingpai.sandbox.handles import line_of
from lingpai.sandbox.options import WecomCorp, WecomSuite
from lingpai.sandbox.pushed import Authorization, ComponentCode
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.state import FOREVER
from lingpai.sandbox.world import Answer, Call, World

PRE_AUTH_LIFE: Final = 1_200.0
AUTH_CODE_LIFE: Final = 600.0
FIRST_AGENT: Final = 1_000_100
"""Numbers of third parties' apps in a corp begin here."""
_OK: Final[Answer] = {"errcode": 0, "errmsg": "ok"}
_TYPES: Final = frozenset({0, 1})


def token(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/get_suite_token``: the same token while it lives, whatever the ticket, then a new one.

    Raises:
        Refusal: 41021, 41023, 41024 something is missing; 40083 unknown, 40080 wrong secret, 40085 no ticket of this
            suite, or one that has expired; 45009; and the suite's own switch.
    """
    suite = world.accounts.suites.get(call.text("suite_id", 41021))
    if suite is None:
        raise Refusal(40083)
    if not hmac.compare_digest(suite.secret.encode(), call.text("suite_secret", 41024).encode()):
        raise Refusal(40080)
    ticket = world.component_tickets.get(call.text("suite_ticket", 41023))
    if ticket is None or ticket.component != suite.suite_id or not world.is_in_force(ticket):
        raise Refusal(40085)
    if suite.refusal:
        raise Refusal(suite.refusal)
    if not world.quotas.take(suite.suite_id, call.path, "day", world.rules.component_quota):
        raise Refusal(45009)
    held = world.tokens.reusable(line_of(suite.suite_id, "suite"))
    if held is None:
        held = world.tokens.issue(suite.suite_id, "suite", world.rules.token_lifetime)
    return {"suite_access_token": held.value, "expires_in": world.tokens.expires_in(held)}


def provider_token(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/get_provider_token``: the provider's own token, the same while it lives.

    Raises:
        Refusal: 41002, 41004 something is missing; 40013 no provider of this corpid, 40001 wrong secret.
    """
    corpid, given = call.text("corpid", 41002), call.text("provider_secret", 41004)
    known = {each.provider_secret for each in world.accounts.suites.values() if each.corpid == corpid} - {""}
    if not known:
        raise Refusal(40013)
    if given not in known:
        raise Refusal(40001)
    held = world.tokens.reusable(line_of(corpid, "provider"))
    if held is None:
        held = world.tokens.issue(corpid, "provider", world.rules.token_lifetime)
    return {"provider_access_token": held.value, "expires_in": world.tokens.expires_in(held)}


def acting(world: World, call: Call) -> WecomSuite:
    """Return the suite whose live token a call has.

    Raises:
        Refusal: 41022 no token, 40082 none of a suite, 42009 expired.
    """
    value = call.query.get("suite_access_token")
    if not value:
        raise Refusal(41022)
    held = world.tokens.get(value)
    suite = None if held is None or held.family != "suite" else world.accounts.suites.get(held.account)
    if held is None or suite is None:
        raise Refusal(40082)
    fate = world.tokens.fate(held)
    if fate != "live":
        raise Refusal(42009 if fate == "expired" else 40082)
    return suite


def pre_auth_code(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/get_pre_auth_code``: a code for one visit.

    Raises:
        Refusal: see ``acting``.
    """
    suite = acting(world, call)
    value = secrets.token_urlsafe(48)
    world.component_codes.put(value, ComponentCode(ends=world.until(PRE_AUTH_LIFE), component=suite.suite_id))
    return _OK | {"pre_auth_code": value, "expires_in": int(PRE_AUTH_LIFE)}


def set_session_info(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/set_session_info``: says whether a visit is for a published app (0) or a test (1).

    Raises:
        Refusal: 40077 a code of no visit of this suite, 42007 used or over, 40058 another kind; see ``acting``.
    """
    suite = acting(world, call)
    value = call.text("pre_auth_code", 40077)
    code = world.component_codes.get(value)
    if code is None or code.component != suite.suite_id or code.merchant:
        raise Refusal(40077)
    if code.used or not world.is_in_force(code):
        raise Refusal(42007)
    wanted = call.document.get("session_info")
    kind = wanted.get("auth_type", 0) if isinstance(wanted, dict) else None
    if kind not in _TYPES:
        raise Refusal(40058, "invalid args: session_info.auth_type")
    world.component_codes.put(value, msgspec.structs.replace(code, auth_type=kind))
    return dict(_OK)


def confirm(world: World, suite: WecomSuite, corp: WecomCorp, *, auth_type: int = 0, pushed: bool) -> str:
    """Let a corp authorise; return its code, which is pushed or else comes back with the administrator.

    A corp that has authorised already keeps its permanent code.
    """
    known = authorization_of(world, suite, corp.corpid)
    if known is None:
        known = Authorization(
            ends=FOREVER,
            component=suite.suite_id,
            merchant=corp.corpid,
            since=world.clock.now(),
            rights=(),
            permanent_code=secrets.token_urlsafe(48),
            agentid=_free_agentid(world, corp),
        )
    known.auth_type = auth_type
    world.authorizations.put(_key(suite, corp.corpid), known)
    value = _new_code(world, suite, corp.corpid)
    if pushed:
        world.push_soon(suite.suite_id, "create_auth", AuthCode=value)
    return value


def reset(world: World, suite: WecomSuite, corpid: str) -> str:
    """Give a corp that has authorised another permanent code, for the code that is returned and pushed.

    Raises:
        Refusal: 40084, it has not authorised.
    """
    found = _authorization(world, suite, corpid)
    found.permanent_code = secrets.token_urlsafe(48)
    world.authorizations.put(_key(suite, corpid), found)
    value = _new_code(world, suite, corpid)
    world.push_soon(suite.suite_id, "reset_permanent_code", AuthCode=value)
    return value


def withdraw(world: World, suite: WecomSuite, corpid: str) -> bool:
    """Let a corp withdraw; False when there is nothing to withdraw."""
    found = authorization_of(world, suite, corpid)
    if found is None:
        return False
    world.authorizations.drop(_key(suite, corpid))
    for each in world.tokens.live(line_of(corpid, "wecom", found.agentid)):
        world.tokens.kill(each)
    world.spend_codes(suite.suite_id, corpid)
    world.push_soon(suite.suite_id, "cancel_auth", AuthCorpId=corpid)
    return True


def _key(suite: WecomSuite, corpid: str) -> str:
    return f"{suite.suite_id}|{corpid}"


def _free_agentid(world: World, corp: WecomCorp) -> int:
    taken = [each.agentid for each in world.authorizations.values() if each.merchant == corp.corpid]
    return max(FIRST_AGENT, *taken, *(each.agentid for each in corp.agents), 0) + 1


def _new_code(world: World, suite: WecomSuite, corpid: str) -> str:
    value = secrets.token_urlsafe(96)
    code = ComponentCode(ends=world.until(AUTH_CODE_LIFE), component=suite.suite_id, merchant=corpid)
    world.component_codes.put(value, code)
    return value


def authorization_of(world: World, suite: WecomSuite, corpid: str) -> Authorization | None:
    """Return a corp's authorization, None when it has not authorised."""
    return world.authorizations.get(_key(suite, corpid))


def _authorization(world: World, suite: WecomSuite, corpid: str) -> Authorization:
    found = authorization_of(world, suite, corpid)
    if found is None:
        raise Refusal(40084)
    return found


def permanent_code(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/get_permanent_code``: a corp's code for its permanent code, its token and its apps, once.

    Raises:
        Refusal: 40078 a code that is none of this suite, used or over; see ``acting``.
    """
    suite, found = _redeemed(world, call)
    return {
        **_corp_token(world, found),
        "permanent_code": found.permanent_code,
        **_about(world, suite, found),
    }


def quick_permanent_code(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/v2/get_permanent_code``: the same without token and apps.

    Raises:
        Refusal: see ``permanent_code``.
    """
    suite, found = _redeemed(world, call)
    about = _about(world, suite, found)
    return _OK | {
        "permanent_code": found.permanent_code,
        "auth_corp_info": about["auth_corp_info"],
        "auth_user_info": about["auth_user_info"],
    }


def _redeemed(world: World, call: Call) -> tuple[WecomSuite, Authorization]:
    suite = acting(world, call)
    value = call.text("auth_code", 40078)
    code = world.component_codes.get(value)
    if code is None or code.component != suite.suite_id or not code.merchant:
        raise Refusal(40078)
    if code.used or not world.is_in_force(code):
        raise Refusal(40078)
    found = _authorization(world, suite, code.merchant)
    code.used = True
    world.component_codes.put(value, code)
    return suite, found


def _corp_token(world: World, found: Authorization) -> Answer:
    held = world.tokens.reusable(line_of(found.merchant, "wecom", found.agentid))
    if held is None:
        held = world.tokens.issue(found.merchant, "wecom", world.rules.token_lifetime, agentid=found.agentid)
    return {"access_token": held.value, "expires_in": world.tokens.expires_in(held)}


def _about(world: World, suite: WecomSuite, found: Authorization) -> dict[str, Any]:
    corp = world.accounts.corps.get(found.merchant)
    agent = {"agentid": found.agentid, "name": suite.name, "auth_mode": 0, "is_customized_app": False}
    return {
        "auth_corp_info": {"corpid": found.merchant, "corp_name": corp.name if corp else ""},
        "auth_info": {"agent": [agent]},
        "auth_user_info": {"userid": "admin", "open_userid": open_userid(found.merchant, "admin")},
    }


def open_userid(corpid: str, user: str) -> str:
    """Return the id of a corp's user that third-party apps see."""
    return f"wo{corpid[2:10]}-{user}"


def _named(world: World, call: Call) -> tuple[WecomSuite, Authorization]:
    """Return the authorization of the corp that a call names by its permanent code."""
    suite = acting(world, call)
    found = _authorization(world, suite, call.text("auth_corpid", 41002))
    given = call.text("permanent_code", 41025)
    if not hmac.compare_digest(found.permanent_code.encode(), given.encode()):
        raise Refusal(40084)
    return suite, found


def auth_info(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/get_auth_info``: a corp and its apps.

    Raises:
        Refusal: 40084 no permanent code of this corp; see ``acting``.
    """
    suite, found = _named(world, call)
    about = _about(world, suite, found)
    return _OK | {name: about[name] for name in ("auth_corp_info", "auth_info")}


def corp_token(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/get_corp_token``: the corp's token, the same while it lives.

    Raises:
        Refusal: 40084 no permanent code of this corp; see ``acting``; and the suite's own switch.
    """
    suite, found = _named(world, call)
    if suite.refusal:
        raise Refusal(suite.refusal)
    return _corp_token(world, found)


def admin_list(world: World, call: Call) -> Answer:
    """``/cgi-bin/service/get_admin_list``: the administrators of a corp that may manage the app.

    Raises:
        Refusal: 40084 a corp that has not authorised, 40056 another app's number; see ``acting``.
    """
    suite = acting(world, call)
    found = _authorization(world, suite, call.text("auth_corpid", 41002))
    if call.document.get("agentid", found.agentid) != found.agentid:
        raise Refusal(40056)
    admin = {"userid": "admin", "open_userid": open_userid(found.merchant, "admin"), "auth_type": 1}
    return _OK | {"admin": [admin]}
