"""Signs a user of the mall in with requests-oauthlib."""

import os
from typing import Any

from oauthlib.oauth2 import OAuth2Error  # type: ignore[import-untyped] # it has no types
from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped] # it has no types

from tests.clients.python.signing_in import Library, Wanted, sign_in

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the tests' service is on loopback, without TLS


def session_of(wanted: Wanted, **more: Any) -> Any:
    return OAuth2Session(wanted["client_id"], redirect_uri=wanted["redirect_uri"], **more)


def begin(wanted: Wanted) -> dict[str, Any]:
    url, state = session_of(wanted).authorization_url(wanted["mall"] + "/authorize")
    return {"url": url, "state": state}


def opened(wanted: Wanted, _secret: str) -> Any:
    return session_of(wanted, state=wanted["state"])


def exchange(session: Any, wanted: Wanted, secret: str) -> Any:
    return session.fetch_token(
        wanted["mall"] + "/accessToken",
        authorization_response=wanted["callback"],
        client_secret=secret,
        include_client_id=wanted["in_body"],
        auth=None if wanted["in_body"] else (wanted["client_id"], secret),
    )


def refresh(session: Any, wanted: Wanted) -> Any:
    own = {"client_id": wanted["client_id"], "client_secret": wanted["client_secret"]}
    return session.refresh_token(wanted["mall"] + "/refreshToken", **own)


if __name__ == "__main__":
    sign_in(Library(begin, opened, exchange, refresh, OAuth2Error))
