"""WeChat's server side: who may fetch tokens, the two families of tokens, and tickets."""

import hmac
from typing import Final, cast

from lingpai.sandbox.accounts import admits
from lingpai.sandbox.handles import Family, Handle, line_of
from lingpai.sandbox.options import WechatApp
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.world import Answer, Call, Mark, World

FORCED: Final = "force_refresh"
_TICKET_TYPES: Final = ("jsapi", "wx_card")


def app_of_secret(world: World, appid: str, secret: str) -> WechatApp:
    """The app of this appid and secret.

    Raises:
        Refusal: 40013 unknown appid, 40001 the secret of another app, 40125 no app's secret, 40243 frozen.
    """
    app = world.accounts.apps.get(appid)
    if app is None:
        raise Refusal(40013)
    if not hmac.compare_digest(app.secret.encode(), secret.encode()):
        others = {other.secret for other in world.accounts.apps.values()}
        raise Refusal(40001) if secret in others else Refusal(40125)
    if app.frozen:
        raise Refusal(40243)
    return app


def _confirmed(world: World, app: WechatApp, address: str) -> None:
    """The administrator's confirmation of a new address: 89503 asks, 89501 waits, 89507 and 89506 refuse."""
    mark = world.marks.get(f"address|{app.appid}|{address}")
    if mark is None or not world.is_in_force(mark):
        refused_once = mark is not None and mark.text == "refused"
        asked = Mark(ends=world.until(86400), text="asked", count=int(refused_once))
        world.marks.put(f"address|{app.appid}|{address}", asked)
        raise Refusal(89503)
    if mark.text != "confirmed":
        raise Refusal({"asked": 89501, "refused": 89507, "refused twice": 89506}[mark.text])


def _admit(world: World, call: Call, app: WechatApp) -> None:
    if app.refusal:
        raise Refusal(app.refusal)
    if not admits(app.ip_allow, call.address):
        raise Refusal(40164, f"invalid ip {call.address} ipv6 ::ffff:{call.address}, not in whitelist")
    if app.ip_confirmation:
        _confirmed(world, app, call.address)


def _app_of(world: World, call: Call) -> WechatApp:
    appid = call.text("appid", 41002)
    secret = call.text("secret", 41004)
    if call.text("grant_type", 40002) != "client_credential":
        raise Refusal(40002)
    app = app_of_secret(world, appid, secret)
    _admit(world, call, app)
    world.spend(app, call.path)
    return app


def _token_answer(world: World, token: Handle) -> Answer:
    return {"access_token": token.value, "expires_in": world.tokens.expires_in(token)}


def classic_token(world: World, call: Call) -> Answer:
    """``/cgi-bin/token``: always a new token; the previous one lives for the overlap, the one before it ends.

    Source: docs/spec/platforms.md.

    Raises:
        Refusal: see ``app_of_secret``; also 40002, 40164, 41002, 41004, 45009, 895xx and the app's own switch.
    """
    app = _app_of(world, call)
    token = world.tokens.succeed(app.appid, "classic", world.rules.token_lifetime, world.rules.overlap)
    return _token_answer(world, token)


def _may_force(world: World, app: WechatApp) -> bool:
    gap = f"forced|{app.appid}"
    if world.is_in_force(world.marks.get(gap)):
        return False
    if not world.quotas.take(app.appid, FORCED, "day", world.rules.forced_quota):
        return False
    world.marks.put(gap, Mark(ends=world.until(world.rules.forced_gap)))
    return True


def stable_token(world: World, call: Call) -> Answer:
    """``/cgi-bin/stable_token``: the same token with its remaining seconds until the overlap begins, then a new one.

    Source: docs/spec/platforms.md. A forced refresh beyond its budget, or too soon, does not refresh.

    Raises:
        Refusal: as ``classic_token``; also 45011 for too many calls in a minute and 47001 for a body that is none.
    """
    forced = call.document.get(FORCED, False)
    if not isinstance(forced, bool):
        raise Refusal(47001)
    app = _app_of(world, call)
    if not world.quotas.take(app.appid, call.path, "minute", world.rules.stable_per_minute):
        raise Refusal(45011)
    held = world.tokens.reusable(line_of(app.appid, "stable"), world.rules.overlap)
    if held is not None and not (forced and _may_force(world, app)):
        return _token_answer(world, held)
    token = world.tokens.succeed(app.appid, "stable", world.rules.token_lifetime, world.rules.overlap)
    return _token_answer(world, token)


def ticket(world: World, call: Call, token: Handle) -> Answer:
    """``/cgi-bin/ticket/getticket``: the same ticket with its remaining seconds, under any token, to its end.

    Source: docs/spec/platforms.md.

    Raises:
        Refusal: 40097 unknown type, 48001 a mini program has no tickets.
    """
    kind = call.query.get("type", "")
    if kind not in _TICKET_TYPES:
        raise Refusal(40097)
    if world.accounts.apps[token.account].mini:
        raise Refusal(48001)
    family = cast("Family", kind)
    held = world.tickets.reusable(line_of(token.account, family))
    if held is None:
        held = world.tickets.issue(token.account, family, world.rules.ticket_lifetime)
    return {
        "errcode": 0,
        "errmsg": "ok",
        "ticket": held.value,
        "expires_in": world.tickets.expires_in(held),
    }
