"""A harness on which a platform that a file describes is imitated by the sandbox and known to the keeper."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from lingpai.core.clock import VirtualClock
from lingpai.core.records import Account
from lingpai.edge.app import create_app
from lingpai.edge.options import EdgeOptions
from lingpai.keeper.app import App
from lingpai.keeper.platforms.declared.loading import load
from lingpai.keeper.platforms.imitation import Imitations
from lingpai.keeper.platforms.platform_type import PlatformType
from lingpai.keeper.platforms.registry import PLATFORMS, platform_types
from lingpai.service import fallback_shapes, routes_of
from tests.helpers.direct import Direct
from tests.helpers.sandbox import running_sandbox
from tests.keeper.harness import Harness, played

FOLDER = Path(__file__).with_name("described")
LIFE = 7200.0


class Described(NamedTuple):
    """A platform on a harness, and its sample account."""

    harness: Harness
    kind: PlatformType
    account: str
    secret: str

    @property
    def name(self) -> str:
        return self.kind.name

    def app(self, **fields: Any) -> App:
        """The sample account's app, as verbs take it."""
        keeper = self.harness.keeper
        return App(
            platform=keeper.platforms[self.name],
            account=self.account,
            secret=self.secret,
            digest=keeper.digest_secret(self.secret),
            **fields,
        )

    async def held(self, **query: Any) -> dict[str, Any]:
        """What the generic route answers of it."""
        answer = await self.harness.get(f"/v1/tokens/{self.name}/{self.account}", **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found


@contextlib.contextmanager
def registered(kind: PlatformType) -> Any:
    """Have a platform known to this process, as far as it is not."""
    known = kind.name in platform_types()
    if not known:
        PLATFORMS.register(kind)
    try:
        yield
    finally:
        if not known:
            PLATFORMS.unregister(kind.name)


@contextlib.asynccontextmanager
async def described(tmp_path: Path, kind: PlatformType | str, **changes: Any) -> AsyncIterator[Described]:
    """Args:
    kind: or the name of a file in `described/`.
    """
    if isinstance(kind, str):
        kind = load(FOLDER / f"{kind}.toml")
    clock = VirtualClock()
    others = Imitations((kind,), clock, LIFE)
    account, secret = next(iter(kind.samples.items()))
    with registered(kind), running_sandbox(clock=clock, others=others) as url:
        async with (
            aiohttp.ClientSession() as session,
            played(tmp_path, clock, url, session, **changes) as harness,
        ):
            keeper = harness.keeper
            keeper.platforms = {
                **keeper.platforms,
                kind.name: kind.describe(kind.settings.model_validate({"base_url": url})),
            }
            harness.client = Direct(create_app(routes_of(keeper), fallback_shapes(), EdgeOptions()))
            await keeper.store.save_account(Account(platform=kind.name, account=account, secret=secret))
            yield Described(harness, kind, account, secret)
