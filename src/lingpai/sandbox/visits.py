"""The page on which a merchant authorises a third-party platform."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lingpai.core.languages import preferred
from lingpai.core.wire import Reply
from lingpai.design.pages import self_contained_page
from lingpai.design.words import OTHER
from lingpai.sandbox.components import AUTH_CODE_LIFE, confirm
from lingpai.sandbox.control import Control
from lingpai.sandbox.options import WechatApp, WechatComponent
from lingpai.sandbox.visit_words import WORDS
from lingpai.sandbox.world import Call

PATHS: Final = ("/cgi-bin/componentloginpage", "/safe/bindcomponent")
_WEB: Final = frozenset({"http", "https"})
_OFFICIAL, _MINI = "1", "2"


class Visit(Control):
    """WeChat's page: a merchant chooses an account and confirms, and goes back with a code."""

    def on_get(self, call: Call) -> Reply:
        """Show the accounts that may be chosen, or what is wrong with the visit."""
        return self._page(call, self._problem(call))

    def on_post(self, call: Call) -> Reply:
        """Send the browser back with a code of the account that the merchant has chosen."""
        problem = self._problem(call)
        merchant = next((each for each in self._offered(call) if each.appid == call.query.get("appid")), None)
        if problem or merchant is None:
            return self._page(call, problem or "account")
        component = self.world.accounts.components[call.query["component_appid"]]
        value = call.query["pre_auth_code"]
        code = self.world.component_codes.get(value)
        if code is not None:
            code.used = True
            self.world.component_codes.put(value, code)
        granted = confirm(self.world, component, merchant, pre_auth_code=value)
        back = urlsplit(call.query["redirect_uri"])
        query = [*parse_qsl(back.query, keep_blank_values=True), ("auth_code", granted)]
        query.append(("expires_in", str(int(AUTH_CODE_LIFE))))
        location = urlunsplit(back._replace(query=urlencode(query)))
        return Reply(b"", 302, "text/html", (("location", location),))

    def _component(self, call: Call) -> WechatComponent | None:
        return self.world.accounts.components.get(call.query.get("component_appid", ""))

    def _problem(self, call: Call) -> str:
        """Return what is wrong with a visit, as a word; "" for nothing."""
        component, back = self._component(call), urlsplit(call.query.get("redirect_uri", ""))
        code = self.world.component_codes.get(call.query.get("pre_auth_code", ""))
        if component is None:
            return "component"
        if code is None or code.merchant or code.component != component.appid:
            return "code"
        if code.used or not self.world.is_in_force(code):
            return "over"
        if back.scheme not in _WEB or not back.netloc:
            return "redirect"
        # The page must be opened from a page of the third-party platform's own domain.
        came_from = urlsplit(call.headers.get("referer", "")).netloc
        return "" if came_from in {"", back.netloc, call.headers.get("host", "")} else "referer"

    def _offered(self, call: Call) -> list[WechatApp]:
        kind, wanted = call.query.get("auth_type", ""), call.query.get("biz_appid", "")
        return [
            each
            for each in self.world.accounts.apps.values()
            if (not wanted or each.appid == wanted)
            and (kind not in {_OFFICIAL, _MINI} or each.mini == (kind == _MINI))
        ]

    def _page(self, call: Call, problem: str) -> Reply:
        lang = preferred(call.headers.get("accept-language"))
        component, words = self._component(call), WORDS[lang]
        return self_contained_page(
            "lingpai.sandbox",
            "visit",
            lang,
            status=400 if problem else 200,
            stored="no-store",
            words=words,
            other=OTHER[lang],
            problem=words["problems"][problem] if problem else "",
            platform=component.name or component.appid if component else "",
            action=call.path,
            hidden=[(name, value) for name, value in call.query.items() if name != "appid"],
            offered=[
                (each.appid, each.name or each.appid, words["mini"] if each.mini else words["app"])
                for each in self._offered(call)
            ],
        )
