"""The pages that a merchant sees of us: one with a button to the platform's page, and one after it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.languages import in_language_of, preferred
from lingpai.core.wire import Call, Reply
from lingpai.keeper.third_parties.authorizing import Entrance

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "switch": "中文",
        "pages": "Pages",
        "begin": "Authorise your account",
        "begin_lead": "You continue on the platform's page: log in there as the administrator of your account, see "
        "what you allow, and confirm. No password is typed here.",
        "computer": "Continue",
        "phone": "Continue on this phone",
        "done": "Your account is authorised",
        "done_lead": "You can close this page. You can withdraw the authorization in your account's console at any "
        "time.",
        "waiting": "The authorization has arrived",
        "waiting_lead": "The platform takes longer than usual to answer. Your account will be ready in a minute; you "
        "can close this page.",
        "problem": "This did not work",
        "problem_lead": "Open the link that you were given once more.",
    },
    "zh": {
        "switch": "English",
        "pages": "页面",
        "begin": "授权你的账号",
        "begin_lead": "接下来会打开平台的页面：请以账号管理员身份登录，查看授权内容并确认。本页面不需要输入密码。",
        "computer": "继续",
        "phone": "在手机上继续",
        "done": "账号已授权",
        "done_lead": "可以关闭此页面。你可以随时在账号后台取消授权。",
        "waiting": "已收到授权",
        "waiting_lead": "平台响应较慢，账号会在一分钟内就绪；可以关闭此页面。",
        "problem": "未能完成",
        "problem_lead": "请重新打开你收到的链接。",
    },
}
_OTHER = {"en": "zh", "zh": "en"}
_LIKELY_PHONE = ("micromessenger", "iphone", "android")


def begin(call: Call, wish: str, entrance: Entrance, headers: tuple[tuple[str, str], ...]) -> Reply:
    """Return the page with the button.

    Args:
        call: the request.
        wish: a language asked for, may be "".
        entrance: the platform's page.
        headers: of the answer, besides a page's own.
    """
    agent = (call.header("user-agent") or "").lower()
    on_phone = entrance.phone and any(each in agent for each in _LIKELY_PHONE)
    buttons = [("computer", entrance.computer), ("phone", entrance.phone)]
    shown = [each for each in (reversed(buttons) if on_phone else buttons) if each[1]]
    return _page(call, wish, "begin", buttons=shown, headers=headers)


def end(call: Call, wish: str, name: str) -> Reply:
    """Return the page after an authorization of the account of this name, "" when that is not known yet."""
    return _page(call, wish, "done" if name else "waiting", account=name.partition("/")[2])


def problem(error: LingpaiError, call: Call) -> Reply:
    """Return the page that shows an error."""
    reason = in_language_of(call.header("accept-language"), error.reason)
    return _page(call, "", "problem", status=error.kind.status, reason=reason, code=error.code)


def _page(
    call: Call,
    wish: str,
    name: str,
    *,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
    **shown: Any,
) -> Reply:
    from lingpai.design.pages import self_contained_page  # noqa: PLC0415  for visits alone

    shown = {"account": "", "reason": "", "code": None, "buttons": (), **shown}
    lang = wish if wish in WORDS else preferred(call.header("accept-language"))
    reply = self_contained_page(
        "lingpai.keeper",
        "visit",
        lang,
        status=status,
        stored="no-store",
        words=WORDS[lang],
        other=_OTHER[lang],
        title=WORDS[lang][name],
        lead=WORDS[lang][f"{name}_lead"],
        **shown,
    )
    return msgspec.structs.replace(reply, headers=(*reply.headers, *headers))
