"""The issuer's records as values: apps, users, terminals, members, grants, sessions.

Times are unix seconds in whole numbers, by the issuer's own time (`IssuerStore.anchor`). `id`s are the rows'
growing numbers and are never sent in clear.
"""

import enum
from typing import Annotated, Any, Literal

import msgspec

FOREVER = 253_402_300_799
"""9999-12-31T23:59:59Z: the end of what has none."""


AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
"""How a client that is not public authenticates (OpenID Connect Core §9)."""


class GrantKind(enum.IntEnum):
    """The owner of a grant, and the use of its token."""

    USER = 1
    APP = 2
    TICKET = 3


class GrantState(enum.IntEnum):
    """The state of a grant."""

    ISSUED = 0
    """Its code was issued and not used yet."""
    LIVE = 1
    SUPERSEDED = 2
    """A newer grant replaced it: it is valid until its shortened end, and is not refreshed."""
    ENDED = 3


class AppMode(enum.Enum):
    """An app acts for others' terminals (open) or for those of its owner (docs/spec/yilianyun.md)."""

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


class Client(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an app of the standard protocol sets itself, by the names of RFC 7591 where these have one.

    Attributes:
        pkce: False for a client with a secret that need not use PKCE; public ones always do.
        id_token_signed_response_alg: what signs its id_tokens.
        token_endpoint_auth_method: how it authenticates; the two by secret are one, and public clients do not.
        token_endpoint_auth_signing_alg: what signs its assertions, "" for anything that is known.
        jwks: its public keys as a JSON Web Key Set, or None.
        jwks_uri: where it publishes its keys, or "".
        require_pushed_authorization_requests: whether it has to push its authorization requests (RFC 9126 §6).
        dpop_bound_access_tokens: whether it has to prove a key whenever it gets tokens (RFC 9449 §5.2).
        fapi2: whether it is held to the FAPI 2.0 Security Profile where that is stricter.
        default_max_age: seconds that a login may be old for it unless a request says so itself; None for any.
        require_auth_time: whether it wants to know when the user logged in, which it is always told.
    """

    pkce: bool = True
    id_token_signed_response_alg: Literal["ES256", "RS256"] = "ES256"  # noqa: S105  an algorithm
    token_endpoint_auth_method: AuthMethod = "client_secret_basic"  # noqa: S105  the name of a method
    token_endpoint_auth_signing_alg: Literal["", "ES256", "EdDSA", "PS256", "RS256"] = ""
    jwks: dict[str, Any] | None = None
    jwks_uri: str = ""
    require_pushed_authorization_requests: bool = False
    dpop_bound_access_tokens: bool = False
    fapi2: bool = False
    default_max_age: Annotated[int, msgspec.Meta(ge=0, le=999_999_999)] | None = None
    require_auth_time: bool = False


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A resource server of the standard protocol, which access tokens are for (RFC 8707).

    Attributes:
        uri: its identifier, as clients name it in `resource` and tokens in `aud`.
        name: for users.
        scopes: the words that it knows; its tokens have no others.
        token_format: whether its tokens are handles, which it introspects, or JSON Web Tokens (RFC 9068).
        alg: what signs the latter.
        access: seconds that its tokens live; 0 for the usual.
        introspector: public id of the app that it introspects its tokens with, or "".
    """

    realm: str
    uri: str
    name: str = ""
    scopes: tuple[str, ...] = ()
    token_format: Literal["handle", "jwt"] = "handle"  # noqa: S105  a format
    alg: Literal["ES256", "RS256"] = "ES256"
    access: int = 0
    introspector: str = ""
    created_at: int = 0

    @property
    def signed(self) -> bool:
        """Whether its tokens are JSON Web Tokens."""
        return self.token_format == "jwt"  # noqa: S105  a format


class App(msgspec.Struct, frozen=True, kw_only=True):
    """An app that calls the issuer.

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
        audience: resource servers its tokens are meant for unless it names others, separated by blanks, or "".
        owner: name of its owner; users have one union id in all apps of an owner.
        listed: False for an app not yet, or no longer, published.
        disabled: True when it may do nothing at all.
        public: True for a client that cannot have a secret and must use PKCE.
        client: see `Client`.
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
    client: Client = Client()
    created_at: int = 0

    @property
    def usable(self) -> bool:
        """True when its tokens are valid: it is listed and not disabled."""
        return self.listed and not self.disabled

    @property
    def by_secret(self) -> bool:
        """True when it authenticates by a secret, and so has one."""
        return not self.public and self.client.token_endpoint_auth_method != "private_key_jwt"  # noqa: S105


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The profile that apps may read of a user. `sex` is "1" male, "2" female, "3" unknown (docs/spec/yzb.md)."""

    nick: str = ""
    avatar: str = ""
    sex: str = "3"
    seller_name: str = ""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user who can log in. The password hash (argon2id) is stored apart."""

    id: int = 0
    realm: str
    login: str
    profile: Profile = Profile()
    disabled: bool = False
    created_at: int = 0


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A postal address (OpenID Connect Core §5.1.1)."""

    formatted: str = ""
    street_address: str = ""
    locality: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


class UserClaims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the standard protocol tells of a user besides the profile (OpenID Connect Core §5.1).

    Attributes:
        updated_at: when it was changed last, by the issuer's time; 0 when it never was.
    """

    given_name: str = ""
    family_name: str = ""
    middle_name: str = ""
    profile: str = ""
    website: str = ""
    birthdate: str = ""
    zoneinfo: str = ""
    locale: str = ""
    email: str = ""
    email_verified: bool = False
    phone_number: str = ""
    phone_number_verified: bool = False
    address: Address = Address()
    updated_at: int = 0


class Terminal(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal.

    Attributes:
        owner: the id of the user who may authorise it, or None.
        bound_app: the id of the self-owned app it is bound to, or None.
        secret_digest: keyed digest of the terminal's secret, b"" when it has none.
        key_digest: keyed digest of the key on its screen, or b"".
        key_ends_at: the end of that key.
    """

    id: int = 0
    realm: str
    machine_code: str
    name: str = ""
    owner: int | None = None
    bound_app: int | None = None
    secret_digest: bytes = b""
    key_digest: bytes = b""
    key_ends_at: int = 0
    created_at: int = 0

    def __repr__(self) -> str:
        """Return a text without the digests."""
        return f"Terminal({self.realm}/{self.machine_code})"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A user of one app.

    Attributes:
        open_id: random and stable, unique to this app.
        union_id: random, the same in all apps of one owner; "" for apps without an owner.
        permissions: the permissions that the user gave the app.
        scope: the scope that the user consented to, or None before any consent.
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
        terminal: row of the terminal, or None.
        member: row that maps the user to the app's open_id, or None.
        scope: the granted scope; None where the dialect has none.
        redirect_uri: as the authorization request gave it; None when it gave none.
        challenge: PKCE code challenge, or "".
        challenge_method: "S256", "plain" or "".
        nonce: what the standard protocol keeps of the login, see `issuer.sign_ins`; else "".
        audience: resource servers its tokens are meant for, separated by blanks, or "".
        generation: 0 until the code is used, then 1 more with each pair of tokens.
        rotated_at: the time of the newest pair.
        ends_at: the end of the grant.
        limit_at: the latest end that refreshing may reach.
        end_reason: the reason of an early end, or "".
        salt: random and part of its handles, which match no other row; 0 for grants of earlier releases.
    """

    id: int = 0
    realm: str
    kind: GrantKind
    app: int
    user: int | None = None
    terminal: int | None = None
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
    """A grant with the data that decide whether it is valid, read in one statement.

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
    """A browser's login session.

    Attributes:
        salt: random and part of its handle.
        sid: random; the next session of a user who logs in again has the same. 0 for sessions of earlier releases.
    """

    id: int = 0
    realm: str
    user: int | None = None
    salt: int
    created_at: int
    ends_at: int
    sid: int = 0


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A device that waits for its user (RFC 8628).

    Attributes:
        user_code: keyed digest of what the user types.
        app: row of the app on the device.
        salt: random and part of its handle.
        params: what the app asks for, as JSON.
    """

    id: int = 0
    user_code: bytes
    app: int
    salt: int
    params: str
    created_at: int
    ends_at: int

    def __repr__(self) -> str:
        """Shows whose it is, and not the code."""
        return f"Device({self.id}, app={self.app})"


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization request that a client pushed (RFC 9126).

    Attributes:
        app: row of the app that pushed it.
        salt: random and part of its handle.
        params: as JSON, known to be right when it was pushed.
        ends_at: until when a browser may come with it.
    """

    id: int = 0
    app: int
    salt: int
    params: str
    created_at: int
    ends_at: int

    def __repr__(self) -> str:
        """Shows whose it is, and nothing that the app sent along."""
        return f"Pushed({self.id}, app={self.app})"


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A pair of keys of one realm, for one algorithm.

    Attributes:
        number: from 1; the next one of the same realm and algorithm takes over when it begins to sign.
        kid: its thumbprint (RFC 7638).
        public: its public half as a JSON Web Key (RFC 7517).
        private: its private half in PEM (PKCS #8).
        signs_from: when it begins to sign.
    """

    realm: str
    alg: str
    number: int
    kid: str
    public: str
    private: str
    created_at: int
    signs_from: int

    def __repr__(self) -> str:
        """Never shows the private half."""
        return f"SigningKey({self.realm}/{self.alg}/{self.number})"


class Wishes(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a request of the standard protocol wants of the login (OpenID Connect Core §3.1.2.1).

    Attributes:
        max_age: seconds that the login may be old when the request is made; -1 for any.
        again: whether the user logs in again although they are logged in.
        stale: row of the session that the browser came with and that does not do, or 0.
        consent: whether the user is asked although they allowed all of it before.
        user: row of the user whom the client expects, 0 for any, below for one whom nobody is.
        login: login name that the form is filled in with.
        claims: names of the claims that the client wants in the id_token.
        jkt: thumbprint of the key that the code is bound to (RFC 9449 §10), or "".
        by_form: whether the browser posts the answer to the client (OAuth 2.0 Form Post Response Mode).
        userinfo: names of the claims that it wants at userinfo besides those of its scopes.
        single: those of both that no scope of the request has, each of which the user allows by itself.
    """

    max_age: int = -1
    again: bool = False
    stale: int = 0
    consent: bool = False
    user: int = 0
    login: str = ""
    claims: tuple[str, ...] = ()
    jkt: str = ""
    by_form: bool = False
    userinfo: tuple[str, ...] = ()
    single: tuple[str, ...] = ()


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A valid authorization request that waits for its user. The browser carries it, encrypted.

    Attributes:
        digest: random; its answer is stored under it.
        browser: digest of the cookie of the browser that may answer it.
        app_id: public id of the app.
        redirect_uri: as the request gave it; None when it gave none.
        answer_uri: the address that the answer is sent to.
        state: as given, or None when there was none.
        terminal: code of the terminal in the request, or "".
        created_at: the time of the first request; the user may have restarted it since.
        ends_at: the end of the time for an answer.
        audience: resource servers that it names, separated by blanks; None for those of the app.
        pushed: whether it keeps its digest when it begins again, as whatever browser comes with it, one answer counts.
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
    terminal: str = ""
    created_at: int
    ends_at: int
    wishes: Wishes = Wishes()
    audience: str | None = None
    pushed: bool = False

    def __repr__(self) -> str:
        """Shows whose it is, and nothing that the app sent along."""
        return f"AuthorizationRequest({self.app_id})"
