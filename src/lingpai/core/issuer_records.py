"""The issuer's records as values: apps, terminals, members, grants, signing keys.

Times are unix seconds in whole numbers, by the issuer's own time (`IssuerStore.anchor`). `id`s are the rows'
growing numbers and are never sent in clear.
"""

import enum
from typing import Annotated, Any, Literal

import msgspec

FOREVER = 253_402_300_799
"""9999-12-31T23:59:59Z: the end of what has none."""


DOCUMENT_SCHEME = "https://"
"""The beginning of the id of an app that is the address of its own document."""

AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]
"""Ways in which a confidential client authenticates (OpenID Connect Core §9)."""


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


class Registration(msgspec.Struct, frozen=True, omit_defaults=True):
    """The registration of an app by itself (RFC 7591).

    Attributes:
        salt: random and part of its registration token.
        open: whether it came without an initial access token, so that nobody vouches for it.
        scopes: the words that it may have in tokens of its own, as its initial access token allowed them.
    """

    salt: int
    open: bool = False
    scopes: tuple[str, ...] = ()


class Client(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Metadata of an app of the standard protocol, by the names of RFC 7591 where these have one.

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
        require_auth_time: whether it requires `auth_time`, which is always sent.
        post_logout_redirect_uris: where users may be sent after they logged out, compared as plain strings.
        backchannel_logout_uri: where it is sent a logout token when a user's session ends, or "".
        backchannel_logout_session_required: whether it needs the session in that token, which always has it.
        application_type: whether it is a site, or a program on the user's machine.
        subject_type: whether its users have the same `sub` as in other apps, or one for its sector alone.
        sector_identifier_uri: lists the redirect URIs of all apps of its sector, or "" (OpenID Connect Core §8.1).
        client_uri, policy_uri, tos_uri: pages about it, which the login and consent pages link to.
        logo_uri: a picture, which is returned to it, and not shown.
        contacts, software_id, software_version: who makes it, and what it is; returned likewise.
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
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str = ""
    backchannel_logout_session_required: bool = False
    application_type: Literal["web", "native"] = "web"
    subject_type: Literal["public", "pairwise"] = "public"
    sector_identifier_uri: str = ""
    client_uri: str = ""
    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    contacts: tuple[str, ...] = ()
    software_id: str = ""
    software_version: str = ""


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
        """True when its tokens are JSON Web Tokens."""
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
        registration: how it registered itself, None for one that an operator added or that publishes its own document.
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
    registration: Registration | None = None
    created_at: int = 0

    @property
    def documented(self) -> bool:
        """True when its id is the address of a document in which it describes itself; no other app has such an id."""
        return self.app_id.startswith(DOCUMENT_SCHEME)

    @property
    def requests_row(self) -> int:
        """The row that its signed requests are remembered for; 0 for all that documents describe.

        Such an app has no row before its first user has consented.
        """
        return 0 if self.documented else self.id

    @property
    def describes_itself(self) -> bool:
        """True when its name, redirect URIs and keys are its own word, which no operator has looked at."""
        return self.documented or self.registration is not None

    @property
    def usable(self) -> bool:
        """True when its tokens are valid: it is listed and not disabled."""
        return self.listed and not self.disabled

    @property
    def by_secret(self) -> bool:
        """True when it authenticates by a secret, and so has one."""
        return not self.public and self.client.token_endpoint_auth_method != "private_key_jwt"  # noqa: S105


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

    @property
    def described(self) -> tuple[str, int | None, bytes]:
        """What operators set: the name, the owner and the digest of the secret."""
        return self.name, self.owner, self.secret_digest

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
