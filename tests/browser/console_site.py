"""The console on a free port, in this loop: empty, full of odd names, or in trouble."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from lingpai.admin_app import admin_app
from lingpai.core.clock import SystemClock
from lingpai.core.issuer_records import App
from lingpai.core.records import Caller
from lingpai.core.user_records import Profile
from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, Serving
from lingpai.issuer import admin
from lingpai.service import issuers_of, open_keeper
from lingpai.settings import Settings
from tests.console.surfing import Keeping
from tests.console.tokens import hold, trouble_of

State = Literal["empty", "full", "trouble"]
HOSTILE = "<img src=x onerror=alert(1)>\"'&令牌" + "w" * 60
SECRET = "0123456789abcdef0123456789abcdef"


class Site(Keeping):
    """A console that is served.

    Attributes:
        url: of its listener.
    """

    url: str

    async def link_url(self, role: str = "owner") -> str:
        return f"{self.url}/console#{await self.link(role)}"


@contextlib.asynccontextmanager
async def console_site(home: Path, state: State) -> AsyncIterator[Site]:
    """Serve a console while the block runs."""
    with bind("127.0.0.1", 0) as bound:
        settings = Settings(data=home / "data")
        clock = SystemClock()
        async with open_keeper(settings, clock) as keeper:
            app = admin_app(settings, keeper, await issuers_of(settings, keeper, disabled=True))
            site = Site(keeper, settings)
            site.url = url_of(bound)
            if state != "empty":
                await fill(site, in_trouble=state == "trouble")
            server, ready = Serving([Listener(app, [bound])]), asyncio.Event()
            running = asyncio.create_task(server.run(ready.set))
            try:
                await ready.wait()
                yield site
            finally:
                server.stop()
                await running


async def fill(site: Site, *, in_trouble: bool) -> None:
    """Things of every kind, some with names that are markup, and long."""
    keeper = site.keeper
    await hold(site, "wx1")
    await hold(site, "wx" + "9" * 40, trouble=trouble_of(site, HOSTILE) if in_trouble else None)
    for name, environment in (("shop", "prod"), ("n" * 64, HOSTILE)):
        caller = Caller(
            name=name, environment=environment, apps=("*", "wechat/wx1"), rights=("token", "sign")
        )
        await keeper.store.add_caller(caller, keeper.digest_caller_key(name))
    await keeper.store.revoke_caller("n" * 64) if in_trouble else None
    mall = (await issuers_of(site.settings, keeper))["mall"]
    uris = ("https://shop.example/callback?" + "x" * 80,)
    await admin.add_app(mall, App(realm="mall", app_id="shop", name=HOSTILE, redirect_uris=uris), SECRET)
    shown = Profile(nick=HOSTILE)
    added = await admin.add_user(mall.by(site.actor), "hong", "correct horse battery", shown)
    if in_trouble:
        await admin.disable_user(mall.by(site.actor), added)
    await site.key("viewer")
