"""Signs a user of the mall in with Authlib."""

import os
from typing import Any

from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped] # it has no types
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped] # likewise

from tests.clients.python.signing_in import Library, Wanted, sign_in

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the tests' service is on loopback, without TLS


def session_of(wanted: Wanted, secret: str, **more: Any) -> Any:
    return OAuth2Session(
        wanted["client_id"],
        secret,
        redirect_uri=wanted["redirect_uri"],
        token_endpoint_auth_method="client_secret_post" if wanted["in_body"] else "client_secret_basic",
        code_challenge_method="S256",
        **more,
    )


def begin(wanted: Wanted) -> dict[str, Any]:
    verifier = "v" * 64
    session = session_of(wanted, wanted["client_secret"])
    url, state = session.create_authorization_url(wanted["mall"] + "/authorize", code_verifier=verifier)
    return {"url": url, "state": state, "verifier": verifier}


def opened(wanted: Wanted, secret: str) -> Any:
    return session_of(wanted, secret, state=wanted["state"])


def exchange(session: Any, wanted: Wanted, _secret: str) -> Any:
    return session.fetch_token(
        wanted["mall"] + "/accessToken",
        authorization_response=wanted["callback"],
        code_verifier=wanted["verifier"],
    )


def refresh(session: Any, wanted: Wanted) -> Any:
    return session.refresh_token(wanted["mall"] + "/refreshToken", refresh_token=wanted["refresh_token"])


if __name__ == "__main__":
    sign_in(Library(begin, opened, exchange, refresh, AuthlibBaseError))
