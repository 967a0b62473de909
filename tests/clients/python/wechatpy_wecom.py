"""wechatpy 1 and 2, WeCom app: tokens come from Lingpai."""

import os
from typing import Any

try:
    from wechatpy.work import WeChatClient  # wechatpy 2
except ImportError:
    from wechatpy.enterprise import WeChatClient  # wechatpy 1

LINGPAI = os.environ["LINGPAI_URL"]


class LingpaiClient(WeChatClient):  # type: ignore[misc] # wechatpy has no types
    def fetch_access_token(self) -> Any:
        return self._fetch_access_token(
            url=f"{LINGPAI}/cgi-bin/gettoken",
            params={"corpid": self.corp_id, "corpsecret": self.secret},
        )
