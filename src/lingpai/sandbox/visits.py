"""The pages on which merchants authorise a third-party platform."""

from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from typing_extensions import override

from lingpai.core.languages import preferred
from lingpai.core.wire import Reply
from lingpai.design.pages import self_contained_page
from lingpai.design.words import OTHER
from lingpai.sandbox import components, suites
from lingpai.sandbox.control import Control
from lingpai.sandbox.options import ThirdParty
from lingpai.sandbox.visit_words import WORDS
from lingpai.sandbox.world import Call

PATHS: Final = ("/cgi-bin/componentloginpage", "/safe/bindcomponent")
INSTALL: Final = "/3rdapp/install"
_WEB: Final = frozenset({"http", "https"})
_OFFICIAL, _MINI = "1", "2"


class Offer(NamedTuple):
    """An account that may be chosen: its id, its name or "", and a word for its kind."""

    id: str
    name: str
    kind: str


class Visit(Control):
    """WeChat's page: a merchant chooses an account and confirms, and goes back with a code."""

    words = "wechat"
    parameter = "component_appid"
    account = "appid"

    def on_get(self, call: Call) -> Reply:
        """Show the accounts that may be chosen, or what is wrong with the visit."""
        return self._page(call, self._problem(call))

    def on_post(self, call: Call) -> Reply:
        """Send the browser back with a code of the account that the merchant has chosen."""
        problem = self._problem(call)
        chosen = call.query.get(self.account, "")
        if problem or chosen not in {each.id for each in self._offered(call)}:
            return self._page(call, problem or "account")
        value = call.query["pre_auth_code"]
        code = self.world.component_codes.get(value)
        if code is not None:
            code.used = True
            self.world.component_codes.put(value, code)
        back = urlsplit(call.query["redirect_uri"])
        query = [*parse_qsl(back.query, keep_blank_values=True), *self._confirm(call, chosen)]
        location = urlunsplit(back._replace(query=urlencode(query)))
        return Reply(b"", 302, "text/html", (("location", location),))

    def _third(self, call: Call) -> ThirdParty | None:
        """Return what is to be authorised."""
        return self.world.accounts.components.get(call.query.get(self.parameter, ""))

    def _confirm(self, call: Call, chosen: str) -> list[tuple[str, str]]:
        """Let the chosen account authorise; return the parameters that the browser brings back."""
        accounts, value = self.world.accounts, call.query["pre_auth_code"]
        component = accounts.components[call.query[self.parameter]]
        granted = components.confirm(self.world, component, accounts.apps[chosen], pre_auth_code=value)
        return [("auth_code", granted), ("expires_in", str(int(components.AUTH_CODE_LIFE)))]

    def _problem(self, call: Call) -> str:
        """Return what is wrong with a visit, as a word; "" for nothing."""
        third, back = self._third(call), urlsplit(call.query.get("redirect_uri", ""))
        code = self.world.component_codes.get(call.query.get("pre_auth_code", ""))
        if third is None:
            return "third"
        if code is None or code.merchant or code.component != third.id:
            return "code"
        if code.used or not self.world.is_in_force(code):
            return "over"
        if back.scheme not in _WEB or not back.netloc:
            return "redirect"
        # The page must be opened from a page of the third-party platform's own domain.
        came_from = urlsplit(call.headers.get("referer", "")).netloc
        return "" if came_from in {"", back.netloc, call.headers.get("host", "")} else "referer"

    def _offered(self, call: Call) -> list[Offer]:
        """Return the accounts that may be chosen."""
        kind, wanted = call.query.get("auth_type", ""), call.query.get("biz_appid", "")
        return [
            Offer(each.appid, each.name, "mini" if each.mini else "app")
            for each in self.world.accounts.apps.values()
            if (not wanted or each.appid == wanted)
            and (kind not in {_OFFICIAL, _MINI} or each.mini == (kind == _MINI))
        ]

    def _page(self, call: Call, problem: str) -> Reply:
        lang = preferred(call.headers.get("accept-language"))
        third, words = self._third(call), WORDS[lang]
        return self_contained_page(
            "lingpai.sandbox",
            "visit",
            lang,
            leads_away=True,
            status=400 if problem else 200,
            stored="no-store",
            words={**words, **words[self.words]},
            other=OTHER[lang],
            problem=words["problems"][problem].format(parameter=self.parameter) if problem else "",
            platform=third.name or third.id if third else "",
            action=call.path,
            account=self.account,
            hidden=[(name, value) for name, value in call.query.items() if name != self.account],
            offered=[(each.id, each.name or each.id, words[each.kind]) for each in self._offered(call)],
        )


class Install(Visit):
    """WeCom's page: the administrator of a corp confirms that a third-party app is installed there."""

    words = "wecom"
    parameter = "suite_id"
    account = "corpid"

    @override
    def _third(self, call: Call) -> ThirdParty | None:
        return self.world.accounts.suites.get(call.query.get(self.parameter, ""))

    @override
    def _confirm(self, call: Call, chosen: str) -> list[tuple[str, str]]:
        """Not pushed: the administrator brings the code."""
        accounts = self.world.accounts
        code = self.world.component_codes.get(call.query["pre_auth_code"])
        granted = suites.confirm(
            self.world,
            accounts.suites[call.query[self.parameter]],
            accounts.corps[chosen],
            auth_type=code.auth_type if code is not None else 0,
            pushed=False,
        )
        lasting = str(int(suites.AUTH_CODE_LIFE))
        return [("auth_code", granted), ("expires_in", lasting), ("state", call.query.get("state", ""))]

    @override
    def _offered(self, call: Call) -> list[Offer]:
        return [Offer(each.corpid, each.name, "corp") for each in self.world.accounts.corps.values()]
