"""What the issuer keeps, as values: apps, users, terminals, members, grants, sessions.

Times are unix seconds in whole numbers, by the issuer's own time (`IssuerStore.anchor`). `id`s are the rows'
growing numbers and never leave the service in clear.
"""

import enum

import msgspec

FOREVER = 253_402_300_799
"""9999-12-31T23:59:59Z: the end of what has none."""


class GrantKind(enum.IntEnum):
    """Who a grant belongs to, and what its token opens."""

    USER = 1
    APP = 2
    TICKET = 3


class GrantState(enum.IntEnum):
    """How far a grant has come."""

    ISSUED = 0
    """A code is out for it."""
    LIVE = 1
    SUPERSEDED = 2
    """Its place was taken: it lives on to its shortened end, and is refreshed no more."""
    ENDED = 3


class AppMode(enum.Enum):
    """Whether an app acts for others' terminals (open) or its owner's own (docs/spec/yilianyun.md)."""

    OPEN = "open"
    SELF_OWNED = "self_owned"


class Secret(msgspec.Struct, frozen=True):
    """One secret of an app.

    Its keyed digest, and the clear text only where the dialect's signature needs it.
    """

    digest: bytes
    clear: str = ""
    ends_at: int = FOREVER

    def __repr__(self) -> str:
        """Shows neither."""
        return f"Secret(ends_at={self.ends_at})"


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An app that calls us.

    Attributes:
        id: its row; 0 before it is stored.
        app_id: its public id (client_id), unique in its realm.
        secrets: newest first; two while one is being rotated, none for a public client.
        mode: see `AppMode`.
        redirect_uris: compared as plain strings.
        domains: origins' hosts from which its pages may use the JS bridge.
        networks: CIDR blocks it may call from; empty means any.
        grants: grant types it may use; empty means all of its dialect.
        scopes: scopes it may ask for; empty means all of its dialect.
        permissions: permissions it may ask users for.
        audience: resource server its tokens are meant for, or "".
        owner: who owns it; users have one union id in all apps of an owner.
        listed: False for an app not yet, or no longer, published.
        disabled: True when it may do nothing at all.
        public: True for a client that can keep no secret and must use PKCE.
    """

    id: int = 0
    realm: str
    app_id: str
    name: str = ""
    secrets: tuple[Secret, ...] = ()
    mode: AppMode = AppMode.OPEN
    redirect_uris: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    audience: str = ""
    owner: str = ""
    listed: bool = True
    disabled: bool = False
    public: bool = False
    created_at: int = 0

    @property
    def usable(self) -> bool:
        """Whether tokens of it count at all."""
        return self.listed and not self.disabled


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What apps may learn of a user. `sex` is "1" male, "2" female, "3" unknown (docs/spec/yzb.md)."""

    nick: str = ""
    avatar: str = ""
    sex: str = "3"
    seller_name: str = ""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can log in. The password is kept apart, as argon2id."""

    id: int = 0
    realm: str
    login: str
    profile: Profile = Profile()
    disabled: bool = False
    created_at: int = 0


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal (printer).

    Attributes:
        owner: the id of the user who may authorise it, or None.
        bound_app: the id of the self-owned app it is bound to, or None.
        msign_digest: keyed digest of the terminal's secret, b"" when it has none.
        qr_digest: keyed digest of the key it shows at present, or b"".
        qr_ends_at: until when that key is good.
    """

    id: int = 0
    realm: str
    machine_code: str
    name: str = ""
    owner: int | None = None
    bound_app: int | None = None
    msign_digest: bytes = b""
    qr_digest: bytes = b""
    qr_ends_at: int = 0
    created_at: int = 0

    def __repr__(self) -> str:
        """Never shows the digests."""
        return f"Machine({self.realm}/{self.machine_code})"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user as one app knows them.

    Attributes:
        open_id: random, stable, of this app alone.
        union_id: random, the same in all apps of one owner; "" for apps without an owner.
        permissions: what the user allowed the app.
        scope: what the user consented to, or None before any consent.
        added: whether the user has added the app.
    """

    id: int = 0
    app: int
    user: int
    open_id: str
    union_id: str = ""
    permissions: tuple[str, ...] = ()
    scope: str | None = None
    added: bool = False
    created_at: int = 0


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One authorization from its beginning to its end; see docs/architecture.md.

    Attributes:
        user: row of the user, None for grants of the app itself.
        machine: row of the terminal, or None.
        member: row that maps the user to the app's open_id, or None.
        scope: what was granted; None where the dialect tells none.
        redirect_uri: as the authorization request gave it; None when it gave none.
        challenge: PKCE code challenge, or "".
        challenge_method: "S256", "plain" or "".
        nonce: of OpenID Connect, or "".
        audience: whom its tokens are meant for, or "".
        generation: 0 while a code is out, then 1 more with each pair of tokens.
        rotated_at: when that pair was made.
        ends_at: the end of all of it.
        limit_at: the latest end that refreshing may reach.
        end_reason: why it ended early, or "".
        salt: random and part of its handles, which open no other row; 0 for grants of releases before.
    """

    id: int = 0
    realm: str
    kind: GrantKind
    app: int
    user: int | None = None
    machine: int | None = None
    member: int | None = None
    scope: str | None = None
    redirect_uri: str | None = None
    challenge: str = ""
    challenge_method: str = ""
    nonce: str = ""
    audience: str = ""
    state: GrantState = GrantState.ISSUED
    generation: int = 0
    rotated_at: int = 0
    created_at: int = 0
    ends_at: int = 0
    limit_at: int = FOREVER
    end_reason: str = ""
    salt: int = 0


class GrantView(msgspec.Struct, frozen=True):
    """A grant with what decides about it now, read in one statement.

    Attributes:
        app_id: public id of its app, "" when the app is gone.
        usable: False when app, user or member were disabled, removed, or all their grants ended.
        open_id: of the grant's member, or "".
        machine_code: of the grant's terminal, or "".
    """

    grant: Grant
    app_id: str
    usable: bool
    open_id: str
    machine_code: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's login session. `salt` is random and part of its handle."""

    id: int = 0
    realm: str
    user: int | None = None
    salt: int
    created_at: int
    ends_at: int


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An authorization request that was validated and waits for its user. It travels sealed through the browser.

    Attributes:
        digest: random; its answer is stored under it.
        browser: digest of the cookie of the browser that may answer it.
        app_id: public id of the app that asks.
        redirect_uri: as the request gave it; None when it gave none.
        answer_uri: where the answer goes.
        state: as given, or None when there was none.
        machine: code of the terminal the request names, or "".
        created_at: when it was first asked; it may have begun again since.
        ends_at: until when it may be answered.
    """

    digest: bytes
    browser: bytes
    app_id: str
    redirect_uri: str | None
    answer_uri: str
    scope: str | None = None
    state: str | None = None
    challenge: str = ""
    challenge_method: str = ""
    nonce: str = ""
    machine: str = ""
    created_at: int
    ends_at: int

    def __repr__(self) -> str:
        """Shows whose it is, and nothing that the app sent along."""
        return f"AuthorizationRequest({self.app_id})"
