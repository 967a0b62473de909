"""The routes of registration, for one realm."""

from lingpai.core.wire import NO_STORE, Call, Reply, Route, Source
from lingpai.issuer.dialects.oidc.registration.endpoint import RegistrationEndpoint
from lingpai.issuer.dialects.oidc.registration.params import (
    ChangedMetadata,
    ClientMetadata,
    ManagedClient,
    PreflightParams,
    RegisteredClient,
)
from lingpai.issuer.dialects.oidc.registration.shape import RegistrationShape

_PREFLIGHT = (
    NO_STORE,
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, POST, PUT, DELETE"),
    ("access-control-allow-headers", "Authorization, *"),
    ("access-control-max-age", "600"),
)


def registration_routes(
    endpoint: RegistrationEndpoint, prefix: str, realm: str, tag: str
) -> tuple[Route, ...]:
    """Return the routes under `PREFIX/register`.

    Args:
        endpoint: answers.
        prefix: what comes before `/register`.
        realm: named in challenges.
        tag: groups the routes in the reference.
    """
    path, shape = prefix + "/register", RegistrationShape(realm)
    one = path + "/{registered}"
    return (
        Route(("POST",), path, ClientMetadata, Source.JSON, endpoint.register, shape,
              "Register a client", RegisteredClient, tag),
        Route(("GET",), one, ManagedClient, Source.PATH, endpoint.read, shape,
              "Read what a client registered", RegisteredClient, tag),
        Route(("PUT",), one, ChangedMetadata, Source.PATH | Source.JSON, endpoint.change, shape,
              "Replace what a client registered", RegisteredClient, tag),
        Route(("DELETE",), one, ManagedClient, Source.PATH, endpoint.remove, shape,
              "Remove a client, with all that it was granted", Reply, tag),
        Route(("OPTIONS",), path, PreflightParams, Source.QUERY, _preflight, shape,
              "CORS preflight of any page", Reply, tag),
        Route(("OPTIONS",), one, ManagedClient, Source.PATH, _preflight, shape,
              "CORS preflight of any page", Reply, tag),
    )  # fmt: skip


async def _preflight(_params: PreflightParams | ManagedClient, _call: Call) -> Reply:
    return Reply(b"", 204, headers=_PREFLIGHT)
