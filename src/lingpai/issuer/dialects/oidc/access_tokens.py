"""Access tokens for resource servers: made as each wants them, and known again.

A token for a resource server is a handle that names it, or a JSON Web Token (RFC 9068). The `jti` of the latter is a
handle of a kind of its own: it names the grant, so that the token can be looked up and revoked, and opens nothing.
"""

from typing import Any, Final, NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import App, Grant, GrantKind, GrantView, Resource
from lingpai.issuer import jose
from lingpai.issuer.audiences import aimed_generation, plain_generation, uri_of_handle
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.policy import ACR, JWT_ACCESS
from lingpai.issuer.dialects.oidc.resources import Resources, Target, scope_at
from lingpai.issuer.lookups import LookUp, begin_look_up
from lingpai.issuer.sign_ins import bound_key, read_sign_in
from lingpai.issuer.signing_keys import SigningKeys
from lingpai.issuer.tokens import ACCESS_HANDLE, Tokens
from lingpai.issuer.verbs.check import Resolved, resolve

_DOTS: Final = 2
"""Of a JSON Web Token; a handle has none."""


class Live(NamedTuple):
    """An access token that is good now.

    Attributes:
        resolved: who may do what; as the token says it, where that is less than its grant.
        issued_at: by the issuer's time.
        resource: what it is for, None for what has no resource server.
        jti: of a JSON Web Token, else "".
        jkt: thumbprint of the key that it is bound to, or "".
    """

    resolved: Resolved
    issued_at: int
    resource: Resource | None = None
    jti: str = ""
    jkt: str = ""


class Signed(msgspec.Struct, frozen=True):
    """The claims of a signed token that it is known by (RFC 9068 §2.2); `exp` in unix seconds by the wall clock."""

    iss: str
    exp: int
    aud: str
    jti: str
    scope: str | None = None


class AccessTokens:
    """The access tokens of one realm.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        keys: its signing keys.
        resources: its resource servers.
    """

    def __init__(self, issuer: Issuer, url: str, keys: SigningKeys, resources: Resources) -> None:
        self._issuer = issuer
        self._url = url
        self._keys = keys
        self._resources = resources

    async def aimed(self, app: App, tokens: Tokens, target: Target) -> Tokens:
        """These tokens with the access token made for a resource server.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        grant, resource = tokens.grant, target.resource
        life = _life(self._issuer, grant, resource)
        ends_at = min(tokens.made_at + life, grant.ends_at)
        # A token that was issued before has its own end, and less is left of it.
        since = self._issuer.now() if tokens.repeated else tokens.made_at
        left = min(tokens.expires_in, ends_at - since)
        scope = scope_at(resource, tokens.scope)
        if resource.signed:
            made = await self._sign(app, tokens, resource, scope, ends_at)
        else:
            generation = aimed_generation(grant.generation, target.place)
            kind = ACCESS_HANDLE[grant.kind]
            made = self._issuer.seal(kind, grant.id, generation, tokens.made_at, grant.salt, tokens.words)
        return msgspec.structs.replace(tokens, access_token=made, expires_in=max(0, left), scope=scope)

    async def read(self, token: str, kind: HandleKind, app: App | None = None) -> Live:
        """Return the content of a handle.

        Args:
            token: as given.
            kind: ACCESS or APP_TOKEN.
            app: whose it must be, or None.

        Raises:
            LingpaiError: of the kind of token; STORE_UNAVAILABLE.
        """
        return await self.read_begun(begin_look_up(self._issuer, token, kind), kind, app)

    async def read_begun(self, begun: LookUp, kind: HandleKind, app: App | None = None) -> Live:
        """Return the content of a handle whose look-up has begun; see `read`."""
        handle, view = begun if isinstance(begun, tuple) else await begun
        resolved = await resolve(self._issuer, kind, (handle, view), app)
        if handle is None or not resolved.grant.audience:
            return Live(resolved, 0 if handle is None else handle.issued_at, jkt=_key_of(resolved))
        resource = await self._resources.find(uri_of_handle(resolved.grant, handle))
        left = handle.issued_at - self._issuer.now()
        if resource is not None:
            left += _life(self._issuer, resolved.grant, resource)
        if resource is None or left <= 0:  # None when it was removed
            raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The access token is not valid.")
        less = max(0, resolved.expires_in - left)
        resolved = msgspec.structs.replace(
            resolved,
            scope=scope_at(resource, resolved.scope),
            expires_in=resolved.expires_in - less,
            expires_at=resolved.expires_at - less,
        )
        return Live(resolved, handle.issued_at, resource, jkt=_key_of(resolved))

    async def read_signed(self, token: str) -> Live | None:
        """Return the content of a signed token; None for one that is none of this realm, or has expired.

        Raises:
            LingpaiError: STORE_UNAVAILABLE, or of the kind of token when its grant has ended.
        """
        found = await self.look_up_signed(token)
        if found is None:
            return None
        claims, handle, view = found
        left = claims.exp - self._issuer.wall(self._issuer.now())
        resource = await self._resources.find(claims.aud)
        if resource is None or left <= 0:
            return None
        kind = ACCESS_HANDLE[view.grant.kind]
        resolved = await resolve(self._issuer, kind, (handle._replace(kind=kind), view))
        own = {"scope": claims.scope, "expires_in": left, "expires_at": claims.exp}
        jkt = _key_of(resolved, aimed=False)
        return Live(msgspec.structs.replace(resolved, **own), handle.issued_at, resource, claims.jti, jkt)

    async def look_up_signed(self, token: str) -> tuple[Signed, Handle, GrantView] | None:
        """The claims of a signed token of this realm and its grant, whether either is over or not.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        if not is_signed(token):
            return None
        found = jose.read_own(token, (await self._keys.current()).signers, jose.ACCESS_TOKEN)
        try:
            claims = msgspec.convert(found, Signed)
        except msgspec.ValidationError:
            return None
        if claims.iss != self._url:
            return None
        begun = begin_look_up(self._issuer, claims.jti, HandleKind.JTI)
        handle, view = begun if isinstance(begun, tuple) else await begun
        return None if handle is None or view is None else (claims, handle, view)

    async def _sign(
        self, app: App, tokens: Tokens, resource: Resource, scope: str | None, ends_at: int
    ) -> str:
        """The claims of RFC 9068 §2.2; the user's are those of an id_token (§2.2.1)."""
        grant, issuer, made = tokens.grant, self._issuer, tokens.made_at
        claims: dict[str, Any] = {
            "iss": self._url,
            "exp": issuer.wall(ends_at),
            "aud": resource.uri,
            "sub": tokens.open_id or app.app_id,
            "client_id": app.app_id,
            "iat": issuer.wall(made),
            "jti": issuer.seal(HandleKind.JTI, grant.id, grant.generation, made, grant.salt),
        }
        if scope:
            claims["scope"] = scope
        if jkt := bound_key(grant):
            claims["cnf"] = {"jkt": jkt}
        if grant.kind is GrantKind.USER:
            claims |= {"auth_time": issuer.wall(read_sign_in(grant).auth_time), "acr": ACR}
        return await self._keys.sign(resource.alg, claims, jose.ACCESS_TOKEN)


def is_signed(token: str) -> bool:
    """Return whether a text looks like a JSON Web Token; no handle does."""
    return token.count(".") == _DOTS


def _key_of(resolved: Resolved, *, aimed: bool = True) -> str:
    """The thumbprint of the key that a token is bound to, "" for none.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN when its grant was bound to another key since.
    """
    grant = resolved.grant
    if "since" not in grant.nonce and "jkt" not in grant.nonce:
        return ""
    sign_in = read_sign_in(grant)
    generation = resolved.generation
    if aimed and grant.audience:
        generation = plain_generation(generation)
    if generation < sign_in.since:
        raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The access token was bound to another key.")
    return sign_in.jkt


def _life(issuer: Issuer, grant: Grant, resource: Resource) -> int:
    """Seconds that a token for a resource server lives; never longer than any other of its grant."""
    usual = issuer.lives[grant.kind].token
    wanted = resource.access or (JWT_ACCESS if resource.signed else usual)
    return min(wanted, usual)
