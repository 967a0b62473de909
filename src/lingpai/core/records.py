"""The keeper's records as values: accounts, callers, credentials, current and previous tokens."""

from typing import NamedTuple

import msgspec

from lingpai.core.clock import End
from lingpai.core.third_parties import Via

RIGHTS = ("token", "ticket", "sign", "exchange", "clear", "report")
"""The rights that a caller key has unless others are named (docs/spec/keeper.md "Who may ask")."""
EVERY_RIGHT = (*RIGHTS, "forward")
"""The rights that a caller key may have."""
HAND_OUTS = ("token", "phantom")
"""Kinds of token that a caller key may get: the platform's own, or a phantom token (docs/spec/keeper.md)."""


ENV = "env"
"""Source of accounts that the original's `.env` declares."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account at an upstream platform.

    Attributes:
        platform: name of the platform, such as "wechat".
        account: its id there: an appid, a corpid.
        label: distinguishes several secrets of one id (WeCom has one per app), or "".
        secret: the app secret, in clear; encrypted in the store.
        mode: how its token is fetched, where the platform offers a choice ("stable", "classic"); "" for the
            default.
        domains: hosts whose pages it may sign for; empty means any.
        source: who declared it: "operator", "apply" or "env".
        hand_out: what caller keys get that do not say it themselves, one of `HAND_OUTS`; "" is "token".
        origins: of the pages whose scripts may have themselves signed without a key.
        callback_token: of a third-party platform: signs what the platform pushes; "" for all others.
        encoding_key: its EncodingAESKey, 43 characters of base64. Like the token, encrypted in the store.
        former_encoding_key: the one before, while that is still in use; or "".
        corpid: of the provider that it belongs to (WeCom), or "".
        next_urls: addresses to which merchants may be led when they have authorised it.
        via: who acts for the account, when a merchant authorised a third-party platform; None for our own.
    """

    platform: str
    account: str
    label: str = ""
    secret: str
    mode: str = ""
    domains: tuple[str, ...] = ()
    source: str = "operator"
    hand_out: str = ""
    origins: tuple[str, ...] = ()
    callback_token: str = ""
    encoding_key: str = ""
    former_encoding_key: str = ""
    corpid: str = ""
    next_urls: tuple[str, ...] = ()
    via: Via | None = None

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"Account({self.name})"

    @property
    def name(self) -> str:
        """`platform/account`, with `/label` when it has one: its name in commands and caller keys."""
        return "/".join(filter(None, (self.platform, self.account, self.label)))


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A service that may call the keeper, with a caller key (only the digest of the key is stored).

    Attributes:
        name: unique; shown in the audit log.
        environment: such as "production" or "dev"; for people.
        apps: account names (`platform/account`, `platform/account/label`) or "*".
        rights: some of `EVERY_RIGHT`.
        networks: CIDR blocks it may call from; empty means any.
        created_at: unix time in seconds.
        revoked_at: unix time in seconds, or None while it is valid.
        forward: patterns of the paths that it may have forwarded; empty means every API path of the platform.
        hand_out: what token routes answer it, one of `HAND_OUTS`; "" leaves that to the account.
        key_ends_at: of a caller found by a key that was replaced, when that key ends (unix seconds); else None.
    """

    name: str
    environment: str = ""
    apps: tuple[str, ...] = ("*",)
    rights: tuple[str, ...] = RIGHTS
    networks: tuple[str, ...] = ()
    forward: tuple[str, ...] = ()
    hand_out: str = ""
    created_at: float = 0.0
    revoked_at: float | None = None
    key_ends_at: float | None = None


class FormerKey(NamedTuple):
    """A key of a caller that was replaced and is valid until `ends_at` (unix seconds)."""

    caller: str
    ends_at: float


class CredentialKey(NamedTuple):
    """Identifies a stored token or ticket.

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
        value: the token, in clear; encrypted in the store.
        end: when the upstream stops accepting it, as far as is known.
        lifetime: its lifetime in seconds when it was fetched.
        fetched_at: unix time in seconds just before the request that fetched it was sent.
    """

    version: int
    value: str
    end: End
    lifetime: float
    fetched_at: float

    @property
    def found_dead(self) -> bool:
        """True when it was ended early because the upstream no longer accepts it."""
        return self.end.wall == 0

    def __repr__(self) -> str:
        """Return a text without the value."""
        return f"Generation(version={self.version}, end={self.end.wall:.0f})"


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why renewal fails, shared by all workers.

    Attributes:
        permanent: True when an operator must correct it (the circuit breaker is open), False when it is temporary.
        code: the upstream's error number, or None when it could not be reached.
        message: the upstream's message, or ours.
        count: failures in a row.
        since: unix time in seconds of the first of them.
        retry: no attempt is made before this time.
    """

    permanent: bool
    code: int | None
    message: str
    count: int
    since: float
    retry: End


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A stored credential: current and previous token, and the state of its renewal.

    Attributes:
        id: of its row.
        version: of the newest token ever stored; 0 before the first.
        current: the newest token, or None before the first.
        previous: the token before it while the upstream still accepts it, or None.
        suspect: True when the current value should be replaced before it is used again, if that succeeds
            (it was cleared, or reported dead and found dead).
        trouble: the reason why renewal fails, or None.
        renew: when the background renewal is due, or None when only requests renew it.
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
    """A credential for operators: all fields except the values.

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
    """The right to renew one credential, until it ends or a worker with a higher fencing token takes over.

    `took_over` is true when the previous holder did not return its lease: a token that it fetched is lost.
    """

    credential_id: int
    holder: str
    fence: int
    took_over: bool = False


class Budget(NamedTuple):
    """A limit on something within a window of time.

    `subject` is the name of the account that it is counted for, `name` what is counted, `window` which window (a
    day, a minute), `ends_at` the unix time in seconds at which the window is over.
    """

    subject: str
    name: str
    window: str
    limit: int
    ends_at: float


class BudgetUse(NamedTuple):
    """The used part of a budget. `granted` is true when the last request was within the limit."""

    subject: str
    name: str
    window: str
    used: int
    limit: int
    granted: bool


class RoleHolder(NamedTuple):
    """The process that has a role, such as renewal, and the end of the role unless it is extended."""

    role: str
    holder: str
    end: End


class ExchangeClaim(NamedTuple):
    """The state of a code exchange.

    `claimed` when this caller makes it; the `answer` when another made it; neither while another is making it.
    """

    claimed: bool
    answer: str | None
