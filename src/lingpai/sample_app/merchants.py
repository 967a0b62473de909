"""A service provider's app: merchants authorise its third-party platforms, and the app uses their accounts."""

from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from lingpai.core.wire import Call, Reply
from lingpai.sample_app.browsers import Browsers
from lingpai.sample_app.rendering import Pages

_CALLS: Final = {
    "wechat": "cgi-bin/user/get",
    "wecom": "cgi-bin/user/simplelist?department_id=1",
}
"""A call with a merchant's token, by platform of the account."""


class Provider(NamedTuple):
    """A third-party platform, as its provider's app knows it.

    Attributes:
        service: base URL of Lingpai.
        platform: of the third-party platform's account.
        account: its id there.
        key: caller key of the app.
        url: base URL of the app.
        page: path of the app's page to which merchants are led.
    """

    service: str
    platform: str
    account: str
    key: str
    url: str
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
        name = f"{provider.platform}/{provider.account}"
        where = f"{provider.service}/authorize/{name}"
        account: Any = None
        used: Any = None
        if params.result:
            account = await self._ask("POST", f"/v1/authorizations/{name}", {"result": params.result})
            if "id" in account:
                path = f"/v1/forward/{account['platform']}/{account['id']}/{_CALLS[account['platform']]}"
                used = await self._ask("GET", path, label=account.get("label", ""))
        return self._pages.page(
            "merchants",
            params.lang,
            call,
            platform=provider.platform,
            link=f"{where}?{urlencode({'next': provider.url + provider.page})}",
            account=account,
            used=used,
        )

    async def _ask(self, method: str, path: str, document: Any = None, label: str = "") -> Any:
        headers = {"authorization": f"Bearer {self._provider.key}"}
        if label:
            headers["lingpai-label"] = label
        async with self._browsers.http.request(
            method, self._provider.service + path, json=document, headers=headers
        ) as answer:
            return await answer.json(content_type=None)
