"""A third-party platform of the sandbox, configured in a keeper, and merchants that authorise it."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lingpai.core.records import Account
from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, ServerOptions, Serving
from lingpai.keeper.app import App
from lingpai.sandbox import SAMPLE_APP, SAMPLE_COMPONENT, SAMPLE_MINI
from tests.keeper.harness import Harness, Json, staged

PROVIDER = SAMPLE_COMPONENT.appid
CALLBACK = f"/callback/wechat_component/{PROVIDER}"
ENTRANCE = f"/authorize/wechat_component/{PROVIDER}"
NEXT = "https://app.example/authorised?from=lingpai"
MERCHANT, MINI = SAMPLE_APP.appid, SAMPLE_MINI.appid
COMPONENT_TOKEN = "/cgi-bin/component/api_component_token"
MERCHANT_TOKEN = "/cgi-bin/component/api_authorizer_token"
QUERY_AUTH = "/cgi-bin/component/api_query_auth"
INFO = "/cgi-bin/component/api_get_authorizer_info"
LIST = "/cgi-bin/component/api_get_authorizer_list"
RESTART = "/cgi-bin/component/api_start_push_ticket"


def provider_account(**fields: Any) -> Account:
    """The sample third-party platform as an operator configures it."""
    configured = {
        "callback_token": SAMPLE_COMPONENT.token,
        "encoding_key": SAMPLE_COMPONENT.encoding_key,
        "next_urls": (NEXT,),
    }
    return Account(
        platform="wechat_component",
        account=PROVIDER,
        secret=SAMPLE_COMPONENT.secret,
        **{**configured, **fields},
    )


@dataclasses.dataclass
class Provided:
    """A harness whose keeper is called back by the sandbox, over real HTTP."""

    harness: Harness
    url: str
    configured: Account = dataclasses.field(default_factory=provider_account)
    merchants: str = "wechat"
    """Platform of the merchants' accounts."""

    @property
    def provider(self) -> App:
        return self.harness.keeper.app_of(self.configured)

    @property
    def callback(self) -> str:
        return f"/callback/{self.configured.name}"

    @property
    def entrance(self) -> str:
        return f"/authorize/{self.configured.name}"

    async def push(
        self, event: str = "ticket", *, times: int = 1, fault: str = "", **members: str
    ) -> list[Json]:
        """What the callback answered to a push of the sandbox."""
        wanted = {"event": event, "times": times, "fault": fault, "members": members}
        wanted["component"] = self.configured.account
        pushed: list[Json] = (await self.harness.upstream.control("POST", "push", wanted))["pushed"]
        return pushed

    async def authorise(self, merchant: str = MERCHANT, **wanted: Any) -> str:
        """The code of a merchant that authorises; its push is under way."""
        answer = await self.harness.upstream.control(
            "POST", "authorizations", {"account": merchant, **wanted}
        )
        return str(answer["auth_code"])

    async def withdraw(self, merchant: str = MERCHANT) -> None:
        await self.harness.upstream.control("DELETE", "authorizations", {"account": merchant})

    async def until(self, condition: Any) -> None:
        """Return when something has become so, as what the sandbox pushes comes by itself."""
        async with asyncio.timeout(20):
            while not await condition():  # noqa: ASYNC110  the store notifies nobody
                await asyncio.sleep(0.02)

    async def account(self, merchant: str = MERCHANT) -> Account | None:
        found = await self.harness.keeper.store.find_accounts(self.merchants, merchant)
        return found[0] if found else None

    async def adopted(self, merchant: str = MERCHANT) -> Account:
        """The account of a merchant, once it is there with its token."""

        async def there() -> bool:
            account = await self.account(merchant)
            if account is None:
                return False
            key = self.harness.keeper.app_of(account).key("access_token")
            held = await self.harness.keeper.store.read_credential(key)
            return held is not None and held.current is not None

        await self.until(there)
        account = await self.account(merchant)
        assert account is not None
        return account

    async def token(self, merchant: str = MERCHANT) -> str:
        answer = await self.harness.get("/AccessToken/getXcx", appid=merchant)
        assert answer.json["code"] == 0, answer.json
        return str(answer.json["data"]["access_token"])

    async def visit(self, **query: str) -> tuple[str, str]:
        """The platform's page that our page leads to, and the cookie that the browser gets."""
        page = await self.harness.get(self.entrance, **query)
        assert page.status_code == 200, page.text
        cookie = page.headers["set-cookie"].partition(";")[0]
        link = page.text.partition('href="' + self.harness.upstream.url)[2].partition('"')[0]
        return self.harness.upstream.url + link.replace("&amp;", "&"), cookie


async def confirm(session: Any, page: str, merchant: str = MERCHANT, field: str = "appid") -> str:
    """Confirm on the platform's page; where the browser is sent to."""
    fields = dict(parse_qsl(urlsplit(page).query, keep_blank_values=True)) | {field: merchant}
    async with session.post(page.partition("?")[0], data=fields, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return str(answer.headers["location"])


@asynccontextmanager
async def served(harness: Harness) -> AsyncIterator[str]:
    """The address at which the harness's application is served."""
    with bind("127.0.0.1", 0) as bound:
        serving = Serving([Listener(harness.app, [bound])], ServerOptions(grace=1))
        task = asyncio.create_task(serving.run())
        try:
            yield url_of(bound)
        finally:
            serving.stop()
            await task


@asynccontextmanager
async def provided(
    tmp_path: Path, configured: Account | None = None, merchants: str = "wechat", **changes: Any
) -> AsyncIterator[Provided]:
    """A third-party platform whose ticket has been pushed: the sample of WeChat, or the one that is given."""
    async with staged(tmp_path, **changes) as harness, served(harness) as url:
        made = Provided(harness, url, configured or provider_account(), merchants)
        await harness.keeper.store.save_account(made.configured)
        await harness.upstream.switch(made.configured.account, callback=url + made.callback)

        async def has_ticket() -> bool:
            key = made.provider.key(made.provider.platform.pushed)
            return await harness.keeper.store.read_credential(key) is not None

        await made.until(has_ticket)
        yield made
