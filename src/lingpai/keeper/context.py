"""The parts that every function of the keeper uses: store, clock, client, options, digests, background tasks."""

import asyncio
import copy
import dataclasses
import functools
import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from lingpai.core.audit import Actor, Change
from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing
from lingpai.core.logs import structlog
from lingpai.core.records import Account, Credential
from lingpai.core.seals import Digester
from lingpai.keeper.app import App
from lingpai.keeper.audit import Audit
from lingpai.keeper.background import Background
from lingpai.keeper.counters import hits_of
from lingpai.keeper.options import Options
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.platforms.third_party import MERCHANT
from lingpai.keeper.relay.reaching import Reach, reach_nobody
from lingpai.keeper.upstream import Upstream
from lingpai.store.port import Store

REMEMBERED_DIGESTS = 65_536

log = structlog.get_logger("lingpai.keeper")


@dataclasses.dataclass
class Context:
    """One per process. Fixed once it is made, but for the two hooks of `publishing.py`.

    Attributes:
        store: the store's verbs.
        clock: the store's clock.
        upstream: the HTTP client of all platforms.
        platforms: the platforms by name.
        ring: the key ring, from which the digests are derived.
        options: what operators may set.
        process: names this process in roles and leases.
        audit: the audit log.
        background: owns the tasks that outlive a request.
        publish: called with each credential that was saved; returns at once. None when nothing is published.
        actor: the operator that it acts for, see `by`; None for the service itself.
        reach: how environments are reached.
        asking_for_roles: locked while this process asks the store for a role. It does so for one at a time, so that a
            store that does not answer keeps no more than one connection from its callers.
        reconcile: called now and then by the one worker that leads; returns at once. None when nothing is published.
    """

    store: Store
    clock: Clock
    upstream: Upstream
    platforms: Mapping[str, Platform]
    ring: KeyRing
    options: Options = dataclasses.field(default_factory=Options)
    process: str = dataclasses.field(default_factory=lambda: secrets.token_hex(8))
    audit: Audit = dataclasses.field(default_factory=Audit)
    background: Background = dataclasses.field(default_factory=Background)
    publish: Callable[[Credential], None] | None = None
    reconcile: Callable[[], None] | None = None
    actor: Actor | None = None
    reach: Reach = reach_nobody
    asking_for_roles: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    digest_secret: Callable[[str], bytes] = dataclasses.field(init=False)
    digest_caller_key: Digester = dataclasses.field(init=False)
    digest_code: Digester = dataclasses.field(init=False)
    digest_guess: Digester = dataclasses.field(init=False)
    _attempts: Iterator[int] = dataclasses.field(default_factory=itertools.count, init=False)

    def __post_init__(self) -> None:
        """Derive the digests from the ring, and create the counters."""
        # The same few secrets come with every request; remembering their digests saves more than looking them up.
        self.digest_secret = functools.lru_cache(maxsize=REMEMBERED_DIGESTS)(
            Digester(self.ring, "app secret")
        )
        self.digest_caller_key = Digester(self.ring, "caller key")
        self.digest_code = Digester(self.ring, "exchange")
        self.digest_guess = Digester(self.ring, "guess")
        # Counters begin at 0; where workers share them in files, those are made while there is room.
        for platform in self.platforms.values():
            for kind in platform.kinds:
                hits_of(platform.name, kind)

    def by(self, actor: Actor) -> Self:
        """Return this context as it acts for an operator: what it changes is recorded."""
        acting = copy.copy(self)
        acting.actor = actor
        return acting

    def recording(self, change: Change, happened: Callable[[Any], bool] = bool) -> Store:
        """Return the store whose next change is recorded, when this acts for an operator; see `Recording`."""
        return self.store if self.actor is None else self.store.recording(self.actor, change, happened)

    async def note(self, change: Change) -> None:
        """Record what no verb of the store does, when this acts for an operator."""
        if self.actor is not None:
            await self.store.note(self.actor, change)

    def lease_holder(self) -> str:
        """Return a name for the holder of one lease or claim.

        Each attempt has its own: two tasks of one process must not both have a lease, and an attempt that took too long
        must not give up the lease of the next.
        """
        return f"{self.process}.{next(self._attempts)}"

    def app_of(self, account: Account, asker: str = "lingpai", peer: str = "") -> App:
        """Return the app of a configured account; `asker` and `peer` are who asks."""
        return App(
            platform=self.platforms[account.platform],
            account=account.account,
            label=account.label,
            secret=account.secret,
            digest=self.digest_secret(account.secret),
            mode=account.mode if account.via is None else MERCHANT,
            domains=account.domains,
            hand_out=account.hand_out,
            via=account.via,
            asker=asker,
            peer=peer,
        )
