"""wechatpy 1 and 2, official account or mini program: tokens and tickets come from Lingpai."""

import os
from typing import Any

from wechatpy import WeChatClient
from wechatpy.client.api import WeChatJSAPI

LINGPAI = os.environ["LINGPAI_URL"]


class LingpaiTickets(WeChatJSAPI):  # type: ignore[misc] # wechatpy has no types
    API_BASE_URL = f"{LINGPAI}/cgi-bin/"


class LingpaiClient(WeChatClient):  # type: ignore[misc] # wechatpy has no types
    jsapi = LingpaiTickets()

    def fetch_access_token(self) -> Any:
        return self._fetch_access_token(
            url=f"{LINGPAI}/cgi-bin/token",
            params={"grant_type": "client_credential", "appid": self.appid, "secret": self.secret},
        )
