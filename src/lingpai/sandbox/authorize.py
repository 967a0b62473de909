"""The platforms' authorize page, which a browser is sent to: here it agrees at once and sends the browser back."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import falcon
import falcon.asgi

from lingpai.sandbox.minting import MintCode, mint
from lingpai.sandbox.world import World

_WEB: Final = frozenset({"http", "https"})


class Authorize:
    """``/connect/oauth2/authorize`` of WeChat and WeCom, without the page."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Send the browser back with a code.

        Parameters of the query: ``appid`` (or corpid), ``redirect_uri``, ``scope``, ``state``; and the sandbox's own
        ``user``, who logs in (``alice`` by default).

        Raises:
            falcon.HTTPBadRequest: the account is unknown, or ``redirect_uri`` is no web address.
        """
        back = urlsplit(req.get_param("redirect_uri", default=""))
        if back.scheme not in _WEB or not back.netloc:
            raise falcon.HTTPBadRequest(description="redirect_uri must be an http or https address")
        wanted = MintCode(
            account=req.get_param("appid", default=""),
            user=req.get_param("user", default="alice"),
            scope=req.get_param("scope", default=""),
        )
        try:
            minted = mint(self._world, wanted)
        except ValueError as error:
            raise falcon.HTTPBadRequest(description=str(error)) from None
        query = [*parse_qsl(back.query, keep_blank_values=True), ("code", minted["code"])]
        query.append(("state", req.get_param("state", default="")))
        resp.status = falcon.HTTP_302
        resp.set_header("Location", urlunsplit(back._replace(query=urlencode(query))))
