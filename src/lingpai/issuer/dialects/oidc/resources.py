"""Resource servers: which a request names, and which one a token is for (RFC 8707)."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Grant, Resource
from lingpai.issuer.audiences import MOST_TARGETS, uris_of
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.policy import SCOPES

USERINFO: Final = "/userinfo"


class Target(NamedTuple):
    """The resource server that a token is for.

    Attributes:
        resource: what is known of it.
        place: its place among those of the grant.
    """

    resource: Resource
    place: int


class Resources:
    """The resource servers of one realm, its own userinfo endpoint among them.

    Args:
        issuer: the realm.
        url: its issuer identifier.
    """

    def __init__(self, issuer: Issuer, url: str) -> None:
        self._issuer = issuer
        self.userinfo = Resource(realm=issuer.realm, uri=url + USERINFO, name="userinfo", scopes=SCOPES)

    async def find(self, uri: str) -> Resource | None:
        """The resource server of this URI; an origin may come with its slash or without (RFC 3986 §6.2.3).

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        if uri == self.userinfo.uri:
            return self.userinfo
        find, realm = self._issuer.store.find_resource, self._issuer.realm
        return await find(realm, uri) or await find(realm, _other_spelling(uri))

    async def named(self, uris: Sequence[str], app: App) -> tuple[Resource | None, ...]:
        """Those that a request of this app names, None for each that there is not; the app's own when it names none.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        wanted = uris or app.audience.split()
        if len(wanted) > MOST_TARGETS:  # nobody needs so many
            return (None,)
        return tuple(dict.fromkeys([await self.find(uri) for uri in wanted]))

    async def target_of_client(self, app: App, uris: Sequence[str]) -> Target | None:
        """Return the target of a client's own token: the resource server that it names, or the first of the app's own.

        Raises:
            LingpaiError: INVALID_TARGET, STORE_UNAVAILABLE.
        """
        if len(uris) > 1:
            raise invalid_target("An access token is for one resource.")
        wanted = uris or app.audience.split()[:1]
        if not wanted:
            return None
        resource = await self.find(wanted[0])
        if resource is None or resource is self.userinfo:  # of whom?
            raise invalid_target()
        return Target(resource, 0)

    async def target(self, grant: Grant, uris: Sequence[str]) -> Target | None:
        """Return the target of the token that a request asks for; None when the grant has no resource servers.

        Args:
            grant: of the code, the refresh token or the client.
            uris: as the request names them; it may name one of the grant's, and gets the first when it names none.

        Raises:
            LingpaiError: INVALID_TARGET, STORE_UNAVAILABLE.
        """
        granted = uris_of(grant)
        if not granted and not uris:
            return None
        if len(uris) > 1:
            raise invalid_target("An access token is for one resource.")
        resource = await self.find(uris[0] if uris else granted[0])
        if resource is None or resource.uri not in granted:
            raise invalid_target()
        return Target(resource, granted.index(resource.uri))


def scope_at(resource: Resource, scope: str | None) -> str | None:
    """The words of a scope that mean something at a resource server.

    They are those that it knows. Where it names none, they are all but those of the standard, which are for userinfo.
    """
    words = (scope or "").split()
    kept = [word for word in words if (word in resource.scopes if resource.scopes else word not in SCOPES)]
    return " ".join(kept) or None


def protected_resource(resource: Resource, url: str) -> dict[str, Any]:
    """The metadata that a resource server publishes about itself (RFC 9728 §2).

    Args:
        resource: the resource server.
        url: the issuer identifier of the realm that makes its tokens.
    """
    found: dict[str, Any] = {"resource": resource.uri, "authorization_servers": (url,)}
    if resource.scopes:
        found["scopes_supported"] = resource.scopes
    found["bearer_methods_supported"] = ("header",)
    if resource.name:
        found["resource_name"] = resource.name
    return found


def well_known_of(uri: str) -> str:
    """Where the metadata of a resource server is: between its host and its path (RFC 9728 §3.1)."""
    parts = urlsplit(uri)
    if not parts.netloc:  # an URN has no place of its own
        return uri
    path = "" if parts.path == "/" else parts.path
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/.well-known/oauth-protected-resource{path}{query}"


def invalid_target(reason: str = "There is no such resource here.") -> LingpaiError:
    """The error for a resource that no token is made for (RFC 8707 §2)."""
    return LingpaiError(Kind.INVALID_TARGET, reason, parameter="resource")


def _other_spelling(uri: str) -> str:
    """An origin with a slash when it has none, and without when it has one; any other URI as it is."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    if parts.query or parts.fragment or not parts.netloc or parts.path not in {"", "/"}:
        return uri
    return uri[:-1] if parts.path else uri + "/"
