"""WeChat's open platform: third-party platforms, their tickets, tokens and codes, and the merchants that authorised."""

import hmac
import secrets
from typing import Any, Final

import msgspec

from lingpai.sandbox.handles import Handle
from lingpai.sandbox.options import ThirdParty, WechatApp, WechatComponent, WecomSuite
from lingpai.sandbox.pushed import RIGHTS, Authorization, ComponentCode, Ticket
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.sns import code_for, session_for
from lingpai.sandbox.state import FOREVER
from lingpai.sandbox.world import Answer, Call, World

TICKET_LIFE: Final = 43_200.0
SUITE_TICKET_LIFE: Final = 1_800.0
PRE_AUTH_LIFE: Final = 1_800.0
PRE_AUTH_SAID: Final = 600
AUTH_CODE_LIFE: Final = 600.0
_OK: Final[Answer] = {"errcode": 0, "errmsg": "ok"}


def component_of(world: World, appid: str) -> WechatComponent:
    """Return the third-party platform of this id.

    Raises:
        Refusal: 61011, there is none.
    """
    found = world.accounts.components.get(appid)
    if found is None:
        raise Refusal(61011)
    return found


def new_ticket(world: World, third: ThirdParty) -> str:
    """Make a ticket for a third-party platform, of WeCom too; those before it stay good."""
    value = f"ticket@@@{secrets.token_urlsafe(48)}"
    life = SUITE_TICKET_LIFE if isinstance(third, WecomSuite) else TICKET_LIFE
    world.component_tickets.put(value, Ticket(ends=world.until(life), component=third.id))
    return value


def _named(world: World, call: Call) -> WechatComponent:
    return component_of(world, call.text("component_appid", 41002))


def _demand_secret(component: WechatComponent, given: str) -> None:
    if not hmac.compare_digest(component.secret.encode(), given.encode()):
        raise Refusal(40125)


def restart(world: World, call: Call) -> Answer:
    """``/cgi-bin/component/api_start_push_ticket``: pushes a ticket at once.

    Raises:
        Refusal: 61011 unknown, 40125 wrong secret.
    """
    component = _named(world, call)
    _demand_secret(component, call.text("component_secret", 41004))
    world.push_soon(component.appid, "ticket")
    return dict(_OK)


def token(world: World, call: Call) -> Answer:
    """``/cgi-bin/component/api_component_token``: a new token by the ticket; the one before lives for the overlap.

    Raises:
        Refusal: 61011 unknown, 40125 wrong secret, 61006 no ticket of this platform, 61005 it has expired, 45009.
    """
    component = _named(world, call)
    _demand_secret(component, call.text("component_appsecret", 41004))
    ticket = world.component_tickets.get(call.text("component_verify_ticket", 61006))
    if ticket is None or ticket.component != component.appid:
        raise Refusal(61006)
    if not world.is_in_force(ticket):
        raise Refusal(61005)
    if component.refusal:
        raise Refusal(component.refusal)
    if not world.quotas.take(component.appid, call.path, "day", world.rules.component_quota):
        raise Refusal(45009)
    rules = world.rules
    made = world.tokens.succeed(component.appid, "component", rules.token_lifetime, rules.overlap)
    return {"component_access_token": made.value, "expires_in": world.tokens.expires_in(made)}


def acting(world: World, call: Call) -> WechatComponent:
    """Return the third-party platform whose live token a call has.

    Raises:
        Refusal: 41001 no token, 40001 none of a third-party platform, 42001 expired, 61011 of another one.
    """
    value = call.query.get("component_access_token") or call.query.get("access_token")
    if not value:
        raise Refusal(41001)
    held = world.tokens.get(value)
    if held is None or held.family != "component":
        raise Refusal(40001)
    fate = world.tokens.fate(held)
    if fate != "live":
        raise Refusal(42001 if fate == "expired" else 40001)
    component = component_of(world, held.account)
    named = call.peek("component_appid") or call.query.get("component_appid", component.appid)
    if named != component.appid:
        raise Refusal(61011)
    return component


def pre_auth_code(world: World, call: Call) -> Answer:
    """``/cgi-bin/component/api_create_preauthcode``: a code for one visit.

    Raises:
        Refusal: see ``acting``.
    """
    component = acting(world, call)
    value = f"preauthcode@@@{secrets.token_urlsafe(32)}"
    world.component_codes.put(
        value, ComponentCode(ends=world.until(PRE_AUTH_LIFE), component=component.appid)
    )
    return {"pre_auth_code": value, "expires_in": PRE_AUTH_SAID}


def authorization_of(world: World, component: str, merchant: str) -> Authorization:
    """Return a merchant's authorization.

    Raises:
        Refusal: 61003, there is none.
    """
    found = world.authorizations.get(f"{component}|{merchant}")
    if found is None:
        raise Refusal(61003)
    return found


def confirm(
    world: World,
    component: WechatComponent,
    merchant: WechatApp,
    rights: tuple[int, ...] = (),
    *,
    pre_auth_code: str = "",
) -> str:
    """Let a merchant authorise; return the code that the merchant comes back with."""
    known = world.authorizations.get(f"{component.appid}|{merchant.appid}")
    world.authorizations.put(
        f"{component.appid}|{merchant.appid}",
        Authorization(
            ends=FOREVER,
            component=component.appid,
            merchant=merchant.appid,
            refresh_token=new_refresh_token(),
            since=world.clock.now(),
            rights=rights or (known.rights if known else RIGHTS),
        ),
    )
    value = f"queryauthcode@@@{secrets.token_urlsafe(48)}"
    code = ComponentCode(ends=world.until(AUTH_CODE_LIFE), component=component.appid, merchant=merchant.appid)
    world.component_codes.put(value, code)
    world.push_soon(
        component.appid,
        "updateauthorized" if known else "authorized",
        AuthorizerAppid=merchant.appid,
        AuthorizationCode=value,
        AuthorizationCodeExpiredTime=str(int(world.clock.now() + AUTH_CODE_LIFE)),
        PreAuthCode=pre_auth_code,
    )
    return value


def withdraw(world: World, component: str, merchant: str) -> bool:
    """Let a merchant withdraw; False when there is nothing to withdraw."""
    key = f"{component}|{merchant}"
    if world.authorizations.get(key) is None:
        return False
    world.authorizations.drop(key)
    for each in world.tokens.live(merchant_line(merchant)):
        world.tokens.kill(each)
    world.spend_codes(component, merchant)
    world.push_soon(component, "unauthorized", AuthorizerAppid=merchant)
    return True


def merchant_line(merchant: str) -> str:
    """Return the line of succession of a merchant's tokens."""
    return f"{merchant}|authorizer|0"


def new_refresh_token() -> str:
    """Return a merchant's refresh token."""
    return f"refreshtoken@@@{secrets.token_urlsafe(32)}"


def lose_refresh_token(world: World, component: str, merchant: str) -> None:
    """Give a merchant another refresh token, as if an answer was lost.

    Raises:
        Refusal: 61003, it has not authorised.
    """
    found = authorization_of(world, component, merchant)
    found.refresh_token = new_refresh_token()
    world.authorizations.put(f"{component}|{merchant}", found)


def _new_token(world: World, merchant: str) -> Handle:
    return world.tokens.succeed(merchant, "authorizer", world.rules.token_lifetime, world.rules.overlap)


def query_auth(world: World, call: Call) -> Answer:
    """``/cgi-bin/component/api_query_auth``: a merchant's code for its tokens and rights, once.

    Raises:
        Refusal: 61010 a code that is used or over, 61009 none of this platform; see ``acting``.
    """
    component = acting(world, call)
    value = call.text("authorization_code", 61009)
    code = world.component_codes.get(value)
    if code is None or code.component != component.appid or not code.merchant:
        raise Refusal(61009)
    if code.used or not world.is_in_force(code):
        raise Refusal(61010)
    found = authorization_of(world, component.appid, code.merchant)
    code.used = True
    world.component_codes.put(value, code)
    made = _new_token(world, found.merchant)
    tokens = {"authorizer_access_token": made.value, "expires_in": world.tokens.expires_in(made)}
    return {"authorization_info": _authorization_info(found) | tokens}


def _authorization_info(found: Authorization) -> dict[str, Any]:
    return {
        "authorizer_appid": found.merchant,
        "authorizer_refresh_token": found.refresh_token,
        "func_info": [{"funcscope_category": {"id": each}} for each in found.rights],
    }


def merchant_token(world: World, call: Call) -> Answer:
    """``/cgi-bin/component/api_authorizer_token``: a new token; the refresh token is another each time (rule).

    Raises:
        Refusal: 61003 not authorised, 61023 a refresh token that is not the newest; see ``acting``.
    """
    component = acting(world, call)
    found = authorization_of(world, component.appid, call.text("authorizer_appid", 41002))
    if call.text("authorizer_refresh_token", 61023) != found.refresh_token:
        raise Refusal(61023)
    app = world.accounts.apps.get(found.merchant)
    if app is not None and app.refusal:
        raise Refusal(app.refusal)
    if world.rules.refresh_tokens_rotate:
        found.refresh_token = new_refresh_token()
        world.authorizations.put(f"{component.appid}|{found.merchant}", found)
    made = _new_token(world, found.merchant)
    return {
        "authorizer_access_token": made.value,
        "expires_in": world.tokens.expires_in(made),
        "authorizer_refresh_token": found.refresh_token,
    }


def merchant_info(world: World, call: Call) -> Answer:
    """``/cgi-bin/component/api_get_authorizer_info``: a merchant's account, its rights and its refresh token.

    Raises:
        Refusal: 61003 not authorised; see ``acting``.
    """
    component = acting(world, call)
    found = authorization_of(world, component.appid, call.text("authorizer_appid", 41002))
    app = world.accounts.apps.get(found.merchant)
    about = {"nick_name": app.name if app else "", "user_name": f"gh_{found.merchant[2:14]}"}
    if app is not None and app.mini:
        about["MiniProgramInfo"] = ""
    return {"authorizer_info": about, "authorization_info": _authorization_info(found)}


def merchant_list(world: World, call: Call) -> Answer:
    """``/cgi-bin/component/api_get_authorizer_list``: merchants from an offset on, 500 at most.

    Raises:
        Refusal: 47001 no offset or count; see ``acting``.
    """
    component = acting(world, call)
    offset, count = call.document.get("offset"), call.document.get("count")
    if not isinstance(offset, int) or not isinstance(count, int):
        raise Refusal(47001)
    mine = sorted(
        (each for each in world.authorizations.values() if each.component == component.appid),
        key=lambda each: (each.since, each.merchant),
    )
    shown = [
        {"authorizer_appid": each.merchant, "refresh_token": each.refresh_token, "auth_time": int(each.since)}
        for each in mine[offset : offset + min(count, 500)]
    ]
    return {"total_count": len(mine), "list": shown}


def get_option(world: World, call: Call) -> Answer:
    """``/cgi-bin/component/api_get_authorizer_option``.

    Raises:
        Refusal: 61003 not authorised; see ``acting``.
    """
    component = acting(world, call)
    found = authorization_of(world, component.appid, call.text("authorizer_appid", 41002))
    name = call.text("option_name")
    return {
        "authorizer_appid": found.merchant,
        "option_name": name,
        "option_value": found.options.get(name, "0"),
    }


def set_option(world: World, call: Call) -> Answer:
    """``/cgi-bin/component/api_set_authorizer_option``.

    Raises:
        Refusal: 61003 not authorised; see ``acting``.
    """
    component = acting(world, call)
    found = authorization_of(world, component.appid, call.text("authorizer_appid", 41002))
    options = {**found.options, call.text("option_name"): call.text("option_value")}
    changed = msgspec.structs.replace(found, options=options)
    world.authorizations.put(f"{component.appid}|{found.merchant}", changed)
    return dict(_OK)


def _merchant_of(world: World, call: Call) -> WechatApp:
    component = acting(world, call)
    app = world.accounts.apps.get(call.text("appid", 41002))
    if app is None:
        raise Refusal(40013)
    authorization_of(world, component.appid, app.appid)
    if call.text("grant_type", 40002) != "authorization_code":
        raise Refusal(40002)
    return app


def exchange(world: World, call: Call) -> Answer:
    """``/sns/oauth2/component/access_token``: a login code of a merchant's user.

    Raises:
        Refusal: as ``/sns/oauth2/access_token``; 61003 not authorised; see ``acting``.
    """
    return code_for(world, call, _merchant_of(world, call))


def session(world: World, call: Call) -> Answer:
    """``/sns/component/jscode2session``: the same of a mini program.

    Raises:
        Refusal: as ``/sns/jscode2session``; 61003 not authorised; see ``acting``.
    """
    return session_for(world, call, _merchant_of(world, call))
