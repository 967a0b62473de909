"""What the keeper keeps, as values: accounts, callers, credentials and their generations."""

from typing import NamedTuple

import msgspec

from lingpai.core.clock import End

RIGHTS = ("token", "ticket", "sign", "exchange", "clear", "report")
"""What a caller key may be allowed to do (docs/spec/keeper.md "Who may ask")."""


ENV = "env"
"""Source of accounts that the original's `.env` declares."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An app of ours at an upstream platform.

    Attributes:
        platform: name of the platform, such as "wechat".
        account: its id there: an appid, a corpid.
        label: tells apart several secrets of one id (WeCom has one per app), or "".
        secret: the app's secret, in clear; sealed at rest.
        mode: how its token is fetched, where the platform offers a choice ("stable", "classic"); "" for the
            default.
        domains: hosts whose pages it may sign for; empty means any.
        source: who declared it: "operator", "apply" or "env".
    """

    platform: str
    account: str
    label: str = ""
    secret: str
    mode: str = ""
    domains: tuple[str, ...] = ()
    source: str = "operator"

    def __repr__(self) -> str:
        """Never shows the secret."""
        return f"Account({self.name})"

    @property
    def name(self) -> str:
        """`platform/account`, with `/label` when it has one: how operators and caller keys name it."""
        return "/".join(filter(None, (self.platform, self.account, self.label)))


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may ask, known by a caller key (the key itself is kept only as a digest).

    Attributes:
        name: unique; stands in the audit log.
        environment: such as "production" or "dev"; for people.
        apps: account names (`platform/account`, `platform/account/label`) or "*".
        rights: some of `RIGHTS`.
        networks: CIDR blocks it may come from; empty means any.
        created_at: unix time in seconds.
        revoked_at: unix time in seconds, or None while it is good.
        key_ends_at: of a caller found by a key that was replaced, when that key ends (unix seconds); else None.
    """

    name: str
    environment: str = ""
    apps: tuple[str, ...] = ("*",)
    rights: tuple[str, ...] = RIGHTS
    networks: tuple[str, ...] = ()
    created_at: float = 0.0
    revoked_at: float | None = None
    key_ends_at: float | None = None


class FormerKey(NamedTuple):
    """A key of a caller that was replaced and is valid until `ends_at` (unix seconds)."""

    caller: str
    ends_at: float


class CredentialKey(NamedTuple):
    """What a held token or ticket is held for.

    `secret_digest` is of the whole secret: one account may have several.
    """

    platform: str
    account: str
    secret_digest: bytes
    kind: str


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One token or ticket that the upstream issued.

    Attributes:
        version: grows by one with each new value of its credential.
        value: the token, in clear; sealed at rest.
        end: when the upstream stops taking it, as far as we know.
        lifetime: seconds that it had when it was fetched.
        fetched_at: unix time in seconds just before the request that brought it was sent.
    """

    version: int
    value: str
    end: End
    lifetime: float
    fetched_at: float

    @property
    def found_dead(self) -> bool:
        """Whether it was ended before its time, since the upstream was found to take it no more."""
        return self.end.wall == 0

    def __repr__(self) -> str:
        """Never shows the value."""
        return f"Generation(version={self.version}, end={self.end.wall:.0f})"


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why renewal fails at present, shared by all workers.

    Attributes:
        permanent: True when only a human can mend it (the breaker is open), False when it may pass by itself.
        code: the upstream's error number, or None when it could not be reached.
        message: what the upstream said, or our words.
        count: failures in a row.
        since: unix time in seconds of the first of them.
        retry: no attempt is made before this moment.
    """

    permanent: bool
    code: int | None
    message: str
    count: int
    since: float
    retry: End


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A held credential: at most two generations, and how its renewal goes.

    Attributes:
        id: of its row.
        version: of the newest generation ever held; 0 before the first.
        current: the newest generation, or None when there never was one.
        previous: the one before while the upstream still takes it, or None.
        suspect: True when the current value should be replaced before it is used again, if that succeeds
            (it was cleared, or reported dead and found dead).
        trouble: why renewal fails, or None.
        renew: when the background renewal is due, or None when only callers bring it about.
    """

    id: int
    key: CredentialKey
    version: int = 0
    current: Generation | None = None
    previous: Generation | None = None
    suspect: bool = False
    trouble: Trouble | None = None
    renew: End | None = None


class CredentialStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A credential as operators see it: everything but the values.

    Attributes:
        label: of the configured account that it belongs to, or None when the account is not configured.
        end: of the current value, or None before the first.
        previous_end: of the value before, or None when there is none.
        renew: when the background renewal is due, or None when only callers bring it about.
    """

    platform: str
    account: str
    label: str | None
    kind: str
    version: int
    end: End | None
    fetched_at: float | None
    lifetime: float | None
    suspect: bool
    trouble: Trouble | None
    previous_end: End | None = None
    renew: End | None = None


class Lease(NamedTuple):
    """The right to renew one credential, until it ends or somebody with a higher fence took over.

    `took_over` says that the holder before never gave its lease back: what it fetched, if anything, is lost.
    """

    credential_id: int
    holder: str
    fence: int
    took_over: bool = False


class Budget(NamedTuple):
    """A limit on something within a window of time.

    `subject` is whom it is counted for (an account's name), `name` what is counted, `window` which window (a
    day, a minute), `ends_at` the unix time in seconds at which the window is over.
    """

    subject: str
    name: str
    window: str
    limit: int
    ends_at: float


class BudgetUse(NamedTuple):
    """How much of a budget is used up. `granted` says whether the last taking was within the limit."""

    subject: str
    name: str
    window: str
    used: int
    limit: int
    granted: bool


class RoleHolder(NamedTuple):
    """Which process has a role, such as to renew what is due, and when the role is free again unless it is extended."""

    role: str
    holder: str
    end: End


class ExchangeClaim(NamedTuple):
    """The state of a code exchange.

    `claimed` when it is ours to make, or the `answer` somebody got, or neither while one is on its way.
    """

    claimed: bool
    answer: str | None
