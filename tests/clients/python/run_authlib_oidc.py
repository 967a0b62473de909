"""Signs a user in with Authlib and OpenID Connect; reads what to do from standard input, writes what came of it."""

import json
import os
import sys
from typing import Any

from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped] # it has no types
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped] # likewise
from authlib.oauth2.rfc7523 import PrivateKeyJWT  # type: ignore[import-untyped] # likewise
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped] # likewise
from authlib.oidc.discovery import OpenIDProviderMetadata  # type: ignore[import-untyped] # likewise
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

Wanted = dict[str, Any]
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the tests' service is on loopback, without TLS
VERIFIER, NONCE = "v" * 64, "n-0S6_WzA2Mj"


def session_of(wanted: Wanted, **more: Any) -> Any:
    secret = wanted["client_secret"]
    if "key" in wanted:
        secret = ECKey.import_key(wanted["key"])
    method = (
        "none" if secret is None else "client_secret_post" if wanted["in_body"] else "client_secret_basic"
    )
    if "key" in wanted:
        method = "private_key_jwt"
    session = OAuth2Session(
        wanted["client_id"],
        secret,
        redirect_uri=wanted["redirect_uri"],
        scope="openid profile offline_access",
        token_endpoint_auth_method=method,
        code_challenge_method="S256",
        **more,
    )
    if "key" in wanted:
        session.register_client_auth_method(PrivateKeyJWT(alg="ES256"))
    return session


def discovered(wanted: Wanted) -> dict[str, Any]:
    """The metadata, as far as Authlib finds nothing wrong with it."""
    found = session_of(wanted).request(
        "GET", wanted["issuer"] + "/.well-known/openid-configuration", withhold_token=True
    )
    metadata = OpenIDProviderMetadata(found.json())
    for name in metadata.REGISTRY_KEYS:  # an https issuer is demanded by the one check that is left out
        if name not in {"issuer", "jwks_uri"} and not name.endswith("_endpoint"):
            getattr(metadata, f"validate_{name}")()
    return dict(metadata)


def claims_of(session: Any, metadata: dict[str, Any], token: dict[str, Any], **params: Any) -> dict[str, Any]:
    """The id_token's claims, its signature, issuer, audience, nonce and at_hash checked."""
    keys = session.request("GET", metadata["jwks_uri"], withhold_token=True).json()
    algorithms = metadata["id_token_signing_alg_values_supported"]
    decoded = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=algorithms)
    options = {"iss": {"value": metadata["issuer"]}, "aud": {"value": session.client_id}}
    claims = CodeIDToken(
        decoded.claims, decoded.header, options, params | {"access_token": token["access_token"]}
    )
    claims.validate(leeway=5)
    return dict(claims)


def begin(wanted: Wanted) -> dict[str, Any]:
    endpoint = discovered(wanted)["authorization_endpoint"]
    url, state = session_of(wanted).create_authorization_url(endpoint, code_verifier=VERIFIER, nonce=NONCE)
    return {"url": url, "state": state}


def finish(wanted: Wanted) -> dict[str, Any]:
    metadata = discovered(wanted)
    session = session_of(wanted, state=wanted["state"], token_endpoint=metadata["token_endpoint"])
    response = {"authorization_response": wanted["callback"], "code_verifier": VERIFIER}
    token = session.fetch_token(metadata["token_endpoint"], **response)
    claims = claims_of(session, metadata, token, nonce=NONCE)
    info = session.get(metadata["userinfo_endpoint"]).json()
    refreshed = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    again = claims_of(session, metadata, refreshed)
    session.revoke_token(metadata["revocation_endpoint"], token=refreshed["refresh_token"])
    refused = []
    for attempt in (
        lambda: session.refresh_token(metadata["token_endpoint"], refresh_token=refreshed["refresh_token"]),
        lambda: session.fetch_token(metadata["token_endpoint"], **response),
    ):
        try:
            attempt()  # type: ignore[no-untyped-call] # likewise
        except AuthlibBaseError as error:
            refused.append(error.error)
    return {"tokens": token, "claims": claims, "info": info, "again": again, "refused": refused}


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    json.dump({"begin": begin, "finish": finish}[wanted["do"]](wanted), sys.stdout)
