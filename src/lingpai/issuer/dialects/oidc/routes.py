"""The routes of the dialect, for one realm at a time."""

from lingpai.core.wire import NO_STORE, Call, Reply, Route, Shape, Source
from lingpai.issuer.app_sources import AppSource, StoredApps
from lingpai.issuer.authorizations import Entry
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc import params as wire
from lingpai.issuer.dialects.oidc.about_tokens import AboutTokens
from lingpai.issuer.dialects.oidc.access_tokens import AccessTokens
from lingpai.issuer.dialects.oidc.authorization_endpoint import AuthorizationEndpoint
from lingpai.issuer.dialects.oidc.client_policy import CLOSED, ClientPolicy
from lingpai.issuer.dialects.oidc.clients import Clients
from lingpai.issuer.dialects.oidc.clients.keys import ClientKeys
from lingpai.issuer.dialects.oidc.devices import DeviceEndpoint
from lingpai.issuer.dialects.oidc.dpop import Proofs
from lingpai.issuer.dialects.oidc.end_session import EndSessionEndpoint
from lingpai.issuer.dialects.oidc.id_tokens import IdTokens
from lingpai.issuer.dialects.oidc.metadata import Documents, well_known
from lingpai.issuer.dialects.oidc.pushed_requests import PushEndpoint
from lingpai.issuer.dialects.oidc.registration import RegistrationEndpoint, registration_routes
from lingpai.issuer.dialects.oidc.resources import USERINFO, Resources, well_known_of
from lingpai.issuer.dialects.oidc.shape import CORS, FRONT, OPEN, SHAPE, BearerShape, style
from lingpai.issuer.dialects.oidc.token_endpoint import TokenEndpoint
from lingpai.issuer.dialects.oidc.userinfo import Userinfo
from lingpai.issuer.fetcher import Fetcher
from lingpai.issuer.signing_keys import SigningKeys

BODY = Source.URLENCODED
_PREFLIGHT = (
    NO_STORE,
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, POST"),
    ("access-control-allow-headers", "Authorization, DPoP, *"),
    ("access-control-max-age", "600"),
)


def routes(
    issuer: Issuer,
    entry: Entry,
    url: str,
    *,
    prefix: str = "",
    fetcher: Fetcher | None = None,
    keys: SigningKeys | None = None,
    policy: ClientPolicy = CLOSED,
    apps: AppSource | None = None,
) -> tuple[Route, ...]:
    """All routes of one realm. Realms live side by side under prefixes of their own.

    Args:
        issuer: the realm.
        entry: its pages.
        url: its issuer identifier: the origin under which clients reach us, and the prefix.
        prefix: what comes before `/authorize` and the rest, such as "/oidc".
        fetcher: fetches what clients publish.
        keys: the realm's signing keys.
        policy: how clients come in that no operator added.
        apps: finds clients, as `entry` does; those of the store when None.
    """
    stored = StoredApps(issuer)
    apps = apps or stored
    fetcher = fetcher or Fetcher()
    keys = keys or SigningKeys(issuer)
    id_tokens = IdTokens(issuer, url, keys)
    resources = Resources(issuer, url)
    access_tokens = AccessTokens(issuer, url, keys, resources)
    documents = Documents(issuer, url, keys, resources, policy)
    front = AuthorizationEndpoint(issuer, entry, style(url), id_tokens, resources, prefix=prefix, apps=apps)
    leaving = EndSessionEndpoint(issuer, entry, id_tokens)
    tag = f"OpenID Connect: {issuer.realm}"
    places = well_known(prefix)
    protected = "/.well-known/oauth-protected-resource" + prefix + USERINFO
    ours = (
        prefix + path for path in ("/jwks", "/token", "/revoke", USERINFO, "/par", "/device_authorization")
    )
    open_paths = (*places, protected, *ours)
    bearer = BearerShape(issuer.realm, CORS, well_known_of(resources.userinfo.uri))
    client_keys = ClientKeys(fetcher, issuer.clock)
    clients = Clients(issuer, url, client_keys, stored)
    about = AboutTokens(issuer, url, clients, access_tokens)
    proofs = Proofs(issuer)
    userinfo = Userinfo(issuer, url, access_tokens, resources, proofs)
    devices = DeviceEndpoint(issuer, url, clients, resources)
    pushing = PushEndpoint(issuer, url, front, Clients(issuer, url, client_keys, apps), proofs)
    tokens = TokenEndpoint(
        issuer, url, id_tokens, clients, access_tokens, resources, proofs=proofs, devices=devices
    )
    registration = RegistrationEndpoint(issuer, url, fetcher, policy.registration)
    return (
        *(Route(("GET",), path, wire.NoParams, Source.QUERY, documents.metadata, OPEN,
                "Get the metadata of the authorization server", Reply, tag) for path in places),
        Route(("GET",), protected, wire.NoParams, Source.QUERY, documents.userinfo, OPEN,
              "Get the metadata of the userinfo endpoint as a protected resource", Reply, tag),
        Route(("GET",), prefix + "/jwks", wire.NoParams, Source.QUERY, documents.jwks, OPEN,
              "Get the public keys of id_tokens", Reply, tag),
        Route(("GET", "POST"), prefix + "/authorize", wire.AuthorizeParams, Source.QUERY | BODY, front.authorize,
              FRONT, "Log a user in and ask for consent", Reply, tag, front.page),
        Route(("GET", "POST"), prefix + "/logout", wire.EndSessionParams, Source.QUERY | BODY, leaving.end_session,
              FRONT, "Log a user out as a client asks for it", Reply, tag, leaving.page),
        Route(("POST",), prefix + "/token", wire.TokenParams, BODY, tokens.token, OPEN,
              "Exchange a code or a refresh token, or get the client's own token", wire.IssuedTokens, tag, quick=True),
        Route(("POST",), prefix + "/par", wire.PushParams, BODY, pushing.push, OPEN,
              "Push an authorization request ahead of the browser", wire.PushAnswer, tag),
        Route(("POST",), prefix + "/device_authorization", wire.DeviceAsked, BODY, devices.begin, OPEN,
              "Let a device without a browser wait for its user", wire.DeviceWaits, tag),
        Route(("GET", "POST"), prefix + "/userinfo", wire.UserinfoParams, BODY, userinfo.userinfo, bearer,
              "Get claims about the user", wire.Claims, tag, quick=True),
        Route(("POST",), prefix + "/introspect", wire.AboutTokenParams, BODY, about.introspect, SHAPE,
              "Check a token: of the client, or for its resource server", wire.Introspected, tag, quick=True),
        Route(("POST",), prefix + "/revoke", wire.AboutTokenParams, BODY, about.revoke, OPEN,
              "Revoke one of the client's tokens", Reply, tag, quick=True),
        *(Route(("OPTIONS",), path, wire.NoParams, Source.QUERY, _preflight, OPEN,
                "CORS preflight of any page", Reply, tag) for path in open_paths),
        *registration_routes(registration, prefix, issuer.realm, tag),
    )  # fmt: skip


def fallback(prefix: str = "") -> tuple[tuple[str, Shape], ...]:
    """Prefixes of unrouted paths that are answered in this dialect's shape, for `create_app`."""
    return ((prefix + "/", SHAPE),) if prefix else ()


async def _preflight(_params: wire.NoParams, _call: Call) -> Reply:
    return Reply(b"", 204, headers=_PREFLIGHT)
