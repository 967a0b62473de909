"""The platforms' authorize page, which a browser is sent to: here it agrees at once and sends the browser back."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lingpai.core.wire import Reply
from lingpai.sandbox.control import Control, wrong
from lingpai.sandbox.minting import MintCode, mint
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
