"""Signs a user in with requests-oauthlib and PKCE, and lets it refresh by itself; then as a machine."""

import os
import time
from typing import Any

from oauthlib.oauth2 import BackendApplicationClient  # type: ignore[import-untyped] # it has no types
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped] # it has no types

from tests.clients.python.messages import answer, read_wanted

Wanted = dict[str, Any]
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the tests' service is on loopback, without TLS
os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"  # offline_access is left out unless the user is asked
SCOPE = ["openid", "profile"]


def session_of(wanted: Wanted, **more: Any) -> Any:
    return OAuth2Session(
        wanted["client_id"], redirect_uri=wanted["redirect_uri"], scope=SCOPE, pkce="S256", **more
    )


def begin(wanted: Wanted) -> dict[str, Any]:
    session = session_of(wanted)
    url, state = session.authorization_url(wanted["issuer"] + "/authorize", nonce="n-0S6_WzA2Mj")
    return {"url": url, "state": state, "verifier": session._code_verifier}  # it has to be kept by hand


def finish(wanted: Wanted) -> dict[str, Any]:
    issuer, secret = wanted["issuer"], wanted["client_secret"]
    session = session_of(wanted, state=wanted["state"])
    session._code_verifier = wanted["verifier"]
    token = session.fetch_token(
        issuer + "/token",
        authorization_response=wanted["callback"],
        client_secret=secret,
        include_client_id=True,
    )
    renewed: list[dict[str, Any]] = []
    own = {"client_id": wanted["client_id"], "client_secret": secret}
    again = OAuth2Session(
        wanted["client_id"],
        token=dict(token) | {"expires_at": time.time() - 1},
        auto_refresh_url=issuer + "/token",
        auto_refresh_kwargs={name: value for name, value in own.items() if value is not None},
        token_updater=renewed.append,
    )
    info = again.get(issuer + "/userinfo").json()
    machine = {}
    if secret is not None:
        client = BackendApplicationClient(client_id=wanted["client_id"])
        machine = OAuth2Session(client=client).fetch_token(
            issuer + "/token", auth=HTTPBasicAuth(wanted["client_id"], secret)
        )
    return {
        "token": dict(token),
        "info": info,
        "renewed": [bool(dict(each)["access_token"]) for each in renewed],
        "machine": dict(machine),
    }


if __name__ == "__main__":
    given = read_wanted()
    answer(**(finish(given) if "callback" in given else begin(given)))
