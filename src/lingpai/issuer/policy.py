"""Policies.

The numbers of a dialect, as data. One value per dialect; no verb asks which dialect it serves.
"""

import enum
from collections.abc import Mapping

import msgspec

from lingpai.core.handles import HandleFormat
from lingpai.core.issuer_records import FOREVER, GrantKind

MINUTE = 60
HOUR = 3600
DAY = 86400


class OldAccess(enum.Enum):
    """The effect of a refresh on the previous access token."""

    OWN_END = "own_end"
    """It stays valid until its own end (docs/spec/mall.md, "Lifetimes")."""
    WINDOW = "window"
    """It ends with the replay window (docs/spec/yilianyun.md, "Lifetimes")."""


class Daily(msgspec.Struct, frozen=True):
    """Quota of tokens per calendar day, app and terminal.

    Attributes:
        limit: number of tokens.
        utc_offset: seconds by which the calendar is ahead of UTC.
    """

    limit: int
    utc_offset: int = 8 * HOUR


class Throttling(msgspec.Struct, frozen=True):
    """Limits of failed attempts within a window of `seconds`.

    Attributes:
        seconds: length of the window.
        pair: for one account (or app) from one address.
        account: for one account from all addresses; high, so that others cannot easily lock it out.
        address: for one address, for all accounts; an IPv6 address counts as its /64.
        form: for one login form.
    """

    seconds: int = 15 * MINUTE
    pair: int = 10
    account: int = 200
    address: int = 100
    form: int = 15


class SupersedePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Longest remaining lifetime of a superseded grant in seconds, by kind; None when nothing is superseded.

    A newer grant supersedes an older one: the app's next token or ticket, the next authorization of the same terminal
    (or, without a terminal, of the same user).
    """

    user: int | None = None
    app: int | None = 600
    ticket: int | None = 600


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one dialect. All durations are whole seconds.

    Attributes:
        code: lifetime of an authorization code.
        access: lifetime of a user's access token.
        refresh: lifetime of a refresh token, which begins again with each refresh; 0 issues none.
        family: lifetime of a grant however often it is refreshed; 0 or None for no limit.
        app_token: lifetime of an app's own (server) token, as `expires_in` says.
        app_token_endless: whether an app's own token stays valid after `app_token`.
        app_token_refresh: whether an app's own token comes with a refresh token.
        ticket: lifetime of a ticket.
        replay_window: seconds after a refresh during which the used refresh token returns the same new tokens, as
            the answer may have been lost.
        old_access: what a refresh does to the old access token.
        replay_grace: seconds after the redemption of a code during which a second correct redemption is refused and
            does not end the grant, as phones load callbacks twice.
        replay_ends_grant: whether a used code or refresh token ends its grant when it is used again after
            `replay_grace` or `replay_window` (RFC 9700 §4.14).
        keep: how long superseded grants stay valid.
        daily: the quota per app and terminal, or None.
        default_scope: the scope of a request that names none; None answers null.
        code_format: how codes are written.
        token_format: how all other handles are written.
        clear_secrets: whether signatures need app secrets in clear. They are encrypted then, not only digested.
        qr_key: lifetime of the key that a terminal shows.
        timestamp_tolerance: how far the timestamp of a signed request may differ from this service's clock.
        requests_once: whether a signed request that is sent again is refused.
        redirect_repeated: whether the redemption of a code must repeat its redirect URI (RFC 6749 §4.1.3).
        pushed: lifetime of a pushed authorization request, until a browser comes with it.
        device: how long a device waits for its user.
        dpop_nonce: whether proofs of a key (DPoP) need a nonce of ours, so that none can be made ahead.
        authorization: how long a user may take to log in and consent.
        session: lifetime of a login session.
        login: limits of failed logins.
        authentication: limits of wrong app secrets.
        terminals: limits of wrong terminal secrets, by the app that sends them.
        least_password: minimum number of characters of a new password.
        public_clients: whether apps without a secret get codes and redeem them with PKCE alone. It follows from the
            parameters of the protocol, so it is not a setting.
        loopback_ports: whether a redirect URI registered with a loopback IP address matches any port (RFC 8252 §7.3),
            for desktop apps that listen on a free port.
        shared_open_ids: whether a user has one open_id in all apps of the realm, not a random one in each. It follows
            from the protocol, so it is not a setting.
        secret_overlap: how long the previous app secret stays valid after a rotation.
    """

    code: int = 60
    access: int = 2 * HOUR
    refresh: int = 30 * DAY
    family: int | None = None
    app_token: int = 2 * HOUR
    app_token_endless: bool = False
    app_token_refresh: bool = False
    ticket: int = 2 * HOUR
    replay_window: int = MINUTE
    replay_grace: int = 10
    old_access: OldAccess = OldAccess.OWN_END
    replay_ends_grant: bool = True
    keep: SupersedePolicy = SupersedePolicy()
    daily: Daily | None = None
    default_scope: str | None = None
    code_format: HandleFormat = HandleFormat.HEX
    token_format: HandleFormat = HandleFormat.HEX
    clear_secrets: bool = False
    qr_key: int = 5 * MINUTE
    timestamp_tolerance: int = 10 * MINUTE
    requests_once: bool = True
    redirect_repeated: bool = True
    pushed: int = 90
    device: int = 10 * MINUTE
    dpop_nonce: bool = False
    authorization: int = 10 * MINUTE
    session: int = 12 * HOUR
    login: Throttling = Throttling()
    authentication: Throttling = Throttling(seconds=MINUTE, pair=20, account=10_000, address=100)
    least_password: int = 8
    terminals: Throttling = Throttling(seconds=10 * MINUTE, pair=10, address=100)
    public_clients: bool = False
    loopback_ports: bool = False
    shared_open_ids: bool = False
    secret_overlap: int = DAY


class Life(msgspec.Struct, frozen=True):
    """Lifetimes of the grants of one kind and their tokens.

    Attributes:
        token: lifetime of a token in seconds, as `expires_in` says.
        grant: lifetime of a grant in seconds from its newest tokens on; `FOREVER` or more for its longest.
        refreshed: whether its tokens are issued with a refresh token.
    """

    token: int
    grant: int
    refreshed: bool


def lives_of(policy: Policy) -> Mapping[GrantKind, Life]:
    """Return a policy's lifetimes for each kind of grant."""
    app_refresh = policy.refresh if policy.app_token_refresh else 0
    app_grant = FOREVER if policy.app_token_endless else max(policy.app_token, app_refresh)
    return {
        GrantKind.USER: Life(policy.access, max(policy.access, policy.refresh), policy.refresh > 0),
        GrantKind.APP: Life(policy.app_token, app_grant, policy.app_token_refresh),
        GrantKind.TICKET: Life(policy.ticket, policy.ticket, refreshed=False),
    }
