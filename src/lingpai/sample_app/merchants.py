"""A service provider's app: a merchant authorises its third-party platform, and the app uses the merchant's account."""

from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from lingpai.core.wire import Call, Reply
from lingpai.sample_app.browsers import Browsers
from lingpai.sample_app.rendering import Pages

MERCHANTS: Final = "/merchants"
_CALL: Final = "cgi-bin/user/get"


class Provider(NamedTuple):
    """A third-party platform, as its provider's app knows it.

    Attributes:
        service: base URL of Lingpai.
        appid: of the third-party platform.
        key: caller key of the app.
        page: address of the app's page to which merchants are led.
    """

    service: str
    appid: str
    key: str
    page: str


class MerchantParams(msgspec.Struct):
    """A merchant that comes back with a one-time result, or a visitor without one."""

    result: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    lang: Annotated[str, msgspec.Meta(max_length=16)] = ""


class Merchants:
    """The page of merchants.

    Args:
        provider: whose it is.
        browsers: has the HTTP client.
        pages: renders it.
    """

    def __init__(self, provider: Provider, browsers: Browsers, pages: Pages) -> None:
        self._provider = provider
        self._browsers = browsers
        self._pages = pages

    async def page(self, params: MerchantParams, call: Call) -> Reply:
        """Show where to authorise, and of who did so the account and a call with its token."""
        provider = self._provider
        where = f"{provider.service}/authorize/wechat_component/{provider.appid}"
        account: Any = None
        used: Any = None
        if params.result:
            taken = f"/v1/authorizations/wechat_component/{provider.appid}"
            account = await self._ask("POST", taken, {"result": params.result})
            if "id" in account:
                used = await self._ask("GET", f"/v1/forward/wechat/{account['id']}/{_CALL}")
        return self._pages.page(
            "merchants",
            params.lang,
            call,
            link=f"{where}?{urlencode({'next': provider.page})}",
            account=account,
            used=used,
        )

    async def _ask(self, method: str, path: str, document: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self._provider.key}"}
        async with self._browsers.http.request(
            method, self._provider.service + path, json=document, headers=headers
        ) as answer:
            return await answer.json(content_type=None)
