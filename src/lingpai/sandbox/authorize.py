"""The platforms' login pages, which a browser is sent to: one agrees at once, one asks."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lingpai.core.wire import Reply
from lingpai.design.pages import self_contained_page
from lingpai.edge.reference import language
from lingpai.sandbox.control import Control, wrong
from lingpai.sandbox.minting import MintCode, mint
from lingpai.sandbox.words import WORDS
from lingpai.sandbox.world import Call

_WEB: Final = frozenset({"http", "https"})


class Authorize(Control):
    """``/connect/oauth2/authorize`` of WeChat and WeCom, without the page."""

    def on_get(self, call: Call) -> Reply:
        """Send the browser back with a code.

        Parameters of the query: ``appid`` (or corpid), ``redirect_uri``, ``scope``, ``state``; and the sandbox's own
        ``user``, who logs in (``alice`` by default).

        Raises:
            ControlError: the account is unknown, or ``redirect_uri`` is no web address.
        """
        given = call.query
        back = urlsplit(given.get("redirect_uri", ""))
        if back.scheme not in _WEB or not back.netloc:
            raise wrong("redirect_uri must be an http or https address")
        wanted = MintCode(
            account=given.get("appid", ""), user=given.get("user", "alice"), scope=given.get("scope", "")
        )
        try:
            minted = mint(self.world, wanted)
        except ValueError as error:
            raise wrong(str(error)) from None
        query = [*parse_qsl(back.query, keep_blank_values=True), ("code", minted["code"])]
        query.append(("state", given.get("state", "")))
        location = urlunsplit(back._replace(query=urlencode(query)))
        return Reply(b"", 302, "text/html", (("location", location),))


class QrConnect(Authorize):
    """``/connect/qrconnect``, where websites send their users: a page that asks who logs in."""

    def on_get(self, call: Call) -> Reply:
        """Show the page; with the sandbox's own ``user``, send the browser back, without a code when that is empty.

        Raises:
            ControlError: as ``Authorize.on_get``.
        """
        back = urlsplit(call.query.get("redirect_uri", ""))
        if back.scheme not in _WEB or not back.netloc:
            raise wrong("redirect_uri must be an http or https address")
        if "user" not in call.query:
            return self._page(call, back.netloc)
        if call.query["user"]:
            return super().on_get(call)
        query = [*parse_qsl(back.query, keep_blank_values=True), ("state", call.query.get("state", ""))]
        return Reply(
            b"", 302, "text/html", (("location", urlunsplit(back._replace(query=urlencode(query)))),)
        )

    def _page(self, call: Call, host: str) -> Reply:
        lang = language(call.query.get("lang", ""), call.headers.get("accept-language"))
        words = WORDS[lang]
        who = (("alice", "alice"), ("bob", "bob"), (words["cancel"], ""))
        choices = [(name, "?" + urlencode([*call.query.items(), ("user", user)])) for name, user in who]
        app = call.query.get("appid", "")
        return self_contained_page(
            "lingpai.sandbox", "login", lang, words=words, app=app, host=host, choices=choices
        )
