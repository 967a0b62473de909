"""The parts that every verb of the keeper works with."""

import asyncio
import dataclasses
import functools
import itertools
import re
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from lingpai.core.clock import Clock
from lingpai.core.hosts import Hosts
from lingpai.core.keyring import KeyRing
from lingpai.core.logs import structlog
from lingpai.core.records import Account, Credential, CredentialKey
from lingpai.core.seals import Digester
from lingpai.keeper.audit import Audit
from lingpai.keeper.concurrency_limit import ConcurrencyLimit
from lingpai.keeper.counters import hit
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.upstream import Upstream
from lingpai.keeper.waits import Waits
from lingpai.store.port import Store

if TYPE_CHECKING:
    from lingpai.keeper.doubts import Doubt, Pace

REMEMBERED_DIGESTS = 65_536
SAVING = 2.0
"""Seconds to keep an answer in."""
_ID = re.compile(r"w[xw][0-9a-f]{16}|[0-9]{4,10}")
"""An appid or a corpid, or a client_id of digits; secrets of all platforms are longer."""

log = structlog.get_logger("lingpai.keeper")


def name_for_log(platform: str, account: str) -> str:
    """`platform/account` of an app that nobody configured; `platform/unknown` when that is no id by its form.

    Callers mix up the two fields, and what stands in the other one is the secret.
    """
    return f"{platform}/{account if _ID.fullmatch(account) else 'unknown'}"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An app for which a verb may act: its caller was found to be allowed, or it is our own background work.

    Attributes:
        platform: its platform's description.
        account: its id there.
        label: tells apart several secrets of one id, or "".
        secret: its secret, in clear.
        digest: keyed digest of the whole secret.
        mode: name of the way its token is fetched, "" for the platform's default.
        domains: hosts whose pages it may sign for; empty means any.
        configured: False for one that a caller brought with its secret; it is renewed only while asked for.
        asker: who asks, for the audit log and for telling callers apart.
        peer: the address of who asks, or "" when nobody does.
        trusted: of an app that is not configured, whether that lies in a trusted network.
    """

    platform: Platform
    account: str
    label: str = ""
    secret: str
    digest: bytes
    mode: str = ""
    domains: tuple[str, ...] = ()
    configured: bool = True
    asker: str = "lingpai"
    peer: str = ""
    trusted: bool = False

    def __repr__(self) -> str:
        """Never shows the secret."""
        return f"App({self.logged_name})"

    @property
    def name(self) -> str:
        """`platform/account`."""
        return f"{self.platform.name}/{self.account}"

    @property
    def logged_name(self) -> str:
        """As `name`, for the log: of one that a caller brought, the account may be a misplaced secret."""
        return self.name if self.configured else name_for_log(self.platform.name, self.account)

    @property
    def full_name(self) -> str:
        """`platform/account`, with `/label` when it has one: as caller keys name it."""
        return f"{self.name}/{self.label}" if self.label else self.name

    @property
    def subject(self) -> str:
        """Whom budgets are counted for.

        The account and its secret, since limits are per secret where there are several.
        """
        return self.name if self.platform.one_secret else f"{self.name}#{self.digest.hex()[:8]}"

    @property
    def tokenless(self) -> bool:
        """Whether it has no token of its own, only its terminals'."""
        return self.mode in self.platform.tokenless

    def key(self, kind: str) -> CredentialKey:
        """What its credential of this kind is held under."""
        return CredentialKey(self.platform.name, self.account, self.digest, kind)


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """What operators may set of the keeper; times in seconds. See `settings.py` for their documentation."""

    trusted_networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    hosts: Hosts = dataclasses.field(default_factory=Hosts)
    allow_unconfigured: bool | Literal["trusted"] = "trusted"
    patience: float = 10.0
    lease: float = 20.0
    probe_every: float = 300.0
    backoff_cap: float = 60.0
    clear_apart: float = 60.0
    clears_a_day: int = 50
    report_apart: float = 30.0
    exchange_repeats: float = 30.0
    unproven_a_minute: int = 30
    unproven_by_peer_a_minute: int = 20
    unproven_by_platform_a_minute: int = 60
    tick: float = 0.25
    renewals_at_once: int = 16


@dataclasses.dataclass(slots=True)
class Keeper:
    """The keeper's context: what verbs are given. One per process; `holder` names the process in leases.

    `proven` remembers secrets that nobody configured and that the upstream has taken; `guessing` has, by platform and
    whether trusted networks ask, the turns of those that it has not. See `proving.py`. `paces`, `doubts` and `asking`
    belong to `doubts.py`.
    `publish` is told each credential that was saved, `reconcile` is called now and then by the one worker that
    leads; both return at once. See `publishing.py`.
    """

    store: Store
    clock: Clock
    upstream: Upstream
    platforms: Mapping[str, Platform]
    ring: KeyRing
    options: Options = dataclasses.field(default_factory=Options)
    holder: str = dataclasses.field(default_factory=lambda: secrets.token_hex(8))
    audit: Audit = dataclasses.field(default_factory=Audit)
    publish: Callable[[Credential], None] | None = None
    reconcile: Callable[[], None] | None = None
    flights: dict[CredentialKey, "asyncio.Task[Credential]"] = dataclasses.field(default_factory=dict)
    ahead: dict[CredentialKey, "asyncio.Task[None]"] = dataclasses.field(default_factory=dict)
    leased: set["asyncio.Task[Credential | None]"] = dataclasses.field(default_factory=set)
    exchanging: set["asyncio.Task[dict[str, Any]]"] = dataclasses.field(default_factory=set)
    paces: dict[tuple[str, str, CredentialKey], "Pace"] = dataclasses.field(default_factory=dict)
    doubts: dict[CredentialKey, "Doubt"] = dataclasses.field(default_factory=dict)
    asking: set["asyncio.Task[None]"] = dataclasses.field(default_factory=set)
    waits: Waits = dataclasses.field(default_factory=Waits)
    proven: set[bytes] = dataclasses.field(default_factory=set)
    guessing: dict[tuple[str, bool], ConcurrencyLimit] = dataclasses.field(
        default_factory=lambda: defaultdict(ConcurrencyLimit)
    )
    attempts: Iterator[int] = dataclasses.field(default_factory=itertools.count)
    digest_secret: Callable[[str], bytes] = dataclasses.field(init=False)
    digest_caller_key: Digester = dataclasses.field(init=False)
    digest_code: Digester = dataclasses.field(init=False)
    digest_guess: Digester = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Derive the digesters from the ring, and begin to count."""
        # The same few secrets come with every request; remembering their digests saves more than looking them up.
        self.digest_secret = functools.lru_cache(maxsize=REMEMBERED_DIGESTS)(
            Digester(self.ring, "app secret")
        )
        self.digest_caller_key = Digester(self.ring, "caller key")
        self.digest_code = Digester(self.ring, "exchange")
        self.digest_guess = Digester(self.ring, "guess")
        # All counts stand at 0 from the start; where workers share them in files, those are made while there is room.
        for platform in self.platforms.values():
            for kind in platform.kinds:
                hit(platform.name, kind)

    def app_of(self, account: Account, asker: str = "lingpai", peer: str = "") -> App:
        """The app of a configured account; `asker` and `peer` are who asks."""
        return App(
            platform=self.platforms[account.platform],
            account=account.account,
            label=account.label,
            secret=account.secret,
            digest=self.digest_secret(account.secret),
            mode=account.mode,
            domains=account.domains,
            asker=asker,
            peer=peer,
        )

    async def close(self, patience: float | None = None) -> None:
        """End what is on its way, and close the client; the store is its owner's to close.

        Code exchanges are waited for: their codes would be lost. So are fetches under a lease: what they were sent
        may have replaced a token, and then only their answer says by which.

        Args:
            patience: seconds to wait for fetches at most; as long as one call may take when None.
        """
        await asyncio.gather(*self.exchanging, return_exceptions=True)
        await _cancel(*self.asking, *self.ahead.values(), *self.flights.values())
        if self.leased:
            await asyncio.wait(
                self.leased, timeout=self.upstream.total + SAVING if patience is None else patience
            )
        await _cancel(*self.leased, *self.flights.values())
        await self.upstream.close()
        self.audit.flush()


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
