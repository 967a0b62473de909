"""Publishing stored values to Redis, for readers that look there (docs/spec/yzb.md).

An extra, and the only module that needs Redis's client: the keeper neither reads from Redis nor waits for it.
Who saved a new value publishes it, and now and then the leader publishes all, which heals what was lost
meanwhile.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from lingpai.core.errors import LingpaiError
from lingpai.core.records import Credential, CredentialKey
from lingpai.keeper.app import App
from lingpai.keeper.background import Background
from lingpai.keeper.context import log
from lingpai.keeper.keeper import Keeper

if TYPE_CHECKING:
    import asyncio

TIMEOUT = 2.0
"""Seconds for a connection, and for each answer."""


class Publisher:
    """Publishes the values of a keeper, in the background.

    Args:
        keeper: whose values.
        redis: where to; the caller closes it.
    """

    def __init__(self, keeper: Keeper, redis: Redis) -> None:
        self._keeper = keeper
        self._redis = redis
        self._background = Background()
        self._reconciling: asyncio.Task[None] | None = None

    def publish(self, credential: Credential) -> None:
        """Begin to publish a credential that was just saved, if its platform wants that; return at once."""
        platform = self._keeper.platforms[credential.key.platform]
        if credential.key.kind in platform.published:
            self._background.start(self._guarded(credential.key))

    def reconcile(self) -> None:
        """Begin to publish every stored value of configured accounts; return at once.

        Does nothing while an earlier one is under way.
        """
        if self._reconciling is None or self._reconciling.done():
            self._reconciling = self._background.start(self._all())

    async def finish(self) -> None:
        """Wait for what is under way, and what that begins; each call of Redis has its timeout."""
        await self._background.settle()

    async def _all(self) -> None:
        try:
            accounts = await self._keeper.store.list_accounts()
        except LingpaiError as error:
            log.warning("publishing_paused", error=error.kind.value, detail=error.detail)
            return
        for account in accounts:
            if account.platform not in self._keeper.platforms:
                continue
            app = self._keeper.app_of(account)
            for kind in app.platform.published:
                if kind in app.platform.tickets and not await self._has(app.key(kind)):
                    self._background.start(self._fetch(app, kind))
                elif not await self._guarded(app.key(kind)):
                    return  # the rest would wait as long for the same

    async def _has(self, key: CredentialKey) -> bool:
        with contextlib.suppress(LingpaiError):
            return await self._keeper.store.read_credential(key) is not None
        return True  # nothing can be fetched now

    async def _fetch(self, app: App, kind: str) -> None:
        """Have a ticket that nobody asked for yet; whoever saves it publishes it. Its trouble is noted in the store."""
        with contextlib.suppress(LingpaiError):
            await self._keeper.credentials.get_or_fetch(app, kind)

    async def _guarded(self, key: CredentialKey) -> bool:
        """Publish one credential; False, and a line in the log, when that failed."""
        try:
            await self._set(key)
        except (RedisError, OSError, TimeoutError, LingpaiError) as error:
            # Its text may have the address in it, and that a password.
            log.warning(
                "publishing_failed",
                platform=key.platform,
                account=key.account,
                kind=key.kind,
                error=type(error).__name__,
            )
            return False
        return True

    async def _set(self, key: CredentialKey) -> None:
        """Set the stored value, again when it was replaced meanwhile: the last to set has read the newest."""
        clock, form = self._keeper.clock, self._keeper.platforms[key.platform].published[key.kind]
        version = None
        while (credential := await self._keeper.store.read_credential(key)) is not None:
            current = credential.current
            rest = 0.0 if current is None else current.end.remaining(clock)
            if current is None or rest < 1 or credential.version == version:
                return
            info = {form.field: current.value, "expires_in": int(clock.now() + rest)}
            name = form.key.format(account=key.account)
            await self._redis.set(name, msgspec.json.encode(info), ex=int(rest))
            version = credential.version


@contextlib.asynccontextmanager
async def publishing(keeper: Keeper, url: str) -> AsyncIterator[None]:
    """Have a keeper publish to the Redis at `url` until the end of the block.

    Connected to when it is needed.
    """
    redis = Redis.from_url(
        url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
    )
    publisher = Publisher(keeper, redis)
    keeper.publish, keeper.reconcile = publisher.publish, publisher.reconcile
    try:
        yield
    finally:
        keeper.publish = keeper.reconcile = None
        await publisher.finish()
        await redis.aclose()
