"""WeChat's quota calls: read what is left, and the few resets of a month."""

from typing import Final

from lingpai.sandbox.handles import Handle
from lingpai.sandbox.options import WechatApp
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.wechat import app_of_secret
from lingpai.sandbox.world import Answer, Call, World

_OK: Final[Answer] = {"errcode": 0, "errmsg": "ok"}
_MINUTE: Final = 60
_RESETS: Final = "quota resets"


def _reset(world: World, app: WechatApp, path: str = "") -> Answer:
    if not world.quotas.take(app.appid, _RESETS, "month", world.rules.resets_per_month):
        raise Refusal(48006)
    world.quotas.clear(app.appid, path)
    return dict(_OK)


def clear(world: World, call: Call, token: Handle) -> Answer:
    """``/cgi-bin/clear_quota``: clears the day's counts of the app.

    Source: docs/spec/platforms.md.

    Raises:
        Refusal: 40013 the appid is not the token's, 48006 no reset left this month.
    """
    if call.text("appid", 41002) != token.account:
        raise Refusal(40013)
    return _reset(world, world.accounts.apps[token.account])


def clear_by_secret(world: World, call: Call) -> Answer:
    """``/cgi-bin/clear_quota/v2``: the same without a token, out of the same resets.

    Raises:
        Refusal: see ``app_of_secret``; also 41002, 41004, 48006.
    """
    app = app_of_secret(world, call.text("appid", 41002), call.text("appsecret", 41004))
    return _reset(world, app)


def _cgi_path(call: Call) -> str:
    path = call.text("cgi_path", 76021)
    if not path.startswith("/"):
        raise Refusal(76021)
    return path


def clear_one(world: World, call: Call, token: Handle) -> Answer:
    """``/cgi-bin/openapi/quota/clear``: clears the day's count of one path.

    Raises:
        Refusal: 76021 no path, 48006 no reset left this month.
    """
    return _reset(world, world.accounts.apps[token.account], _cgi_path(call))


def read(world: World, call: Call, token: Handle) -> Answer:
    """``/cgi-bin/openapi/quota/get``: the day's limit of one path and what is left of it.

    Raises:
        Refusal: 76021 no path.
    """
    path = _cgi_path(call)
    limit = world.daily_limit(world.accounts.apps[token.account], path)
    used = world.quotas.used(token.account, path, "day")
    return _OK | {
        "quota": {"daily_limit": limit, "used": used, "remain": max(0, limit - used)},
        "rate_limit": {"call_count": world.rules.stable_per_minute, "refresh_second": _MINUTE},
    }
