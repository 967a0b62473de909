"""Signs a user of the mall in with Authlib, as a web application would: one call begins, another ends."""

import os
from typing import Any

from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped] # it has no types
from authlib.integrations.requests_client import OAuth2Session  # type: ignore[import-untyped] # likewise

from tests.clients.python.tell import answer, told

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the tests' service is on loopback, without TLS


def opened(wanted: dict[str, Any], secret: str, **more: Any) -> Any:
    return OAuth2Session(
        wanted["client_id"],
        secret,
        redirect_uri=wanted["redirect_uri"],
        token_endpoint_auth_method="client_secret_post" if wanted["in_body"] else "client_secret_basic",
        code_challenge_method="S256",
        **more,
    )


def begin(wanted: dict[str, Any]) -> None:
    verifier = "v" * 64
    session = opened(wanted, wanted["client_secret"])
    url, state = session.create_authorization_url(wanted["mall"] + "/authorize", code_verifier=verifier)
    answer(url=url, state=state, verifier=verifier)


def end(wanted: dict[str, Any]) -> None:
    mall, secret = wanted["mall"], wanted["client_secret"]
    session = opened(wanted, secret, state=wanted["state"])
    token = dict(exchange(session, wanted))
    open_id = session.get(mall + "/getOpenId").json()
    refreshed = dict(session.refresh_token(mall + "/refreshToken", refresh_token=token["refresh_token"]))
    info = session.get(mall + "/getUserInfo").json()
    errors = [refusal(wanted, each) for each in (secret, "wrong")]
    ended = session.get(mall + "/getUserInfo")
    answer(
        token=token,
        open_id=open_id,
        refreshed=refreshed,
        info=info,
        errors=errors,
        ended=[ended.status_code, ended.json()["error"], ended.headers["WWW-Authenticate"]],
    )


def exchange(session: Any, wanted: dict[str, Any]) -> Any:
    return session.fetch_token(
        wanted["mall"] + "/accessToken",
        authorization_response=wanted["callback"],
        code_verifier=wanted["verifier"],
    )


def refusal(wanted: dict[str, Any], secret: str) -> list[str]:
    try:
        exchange(opened(wanted, secret, state=wanted["state"]), wanted)
    except AuthlibBaseError as error:
        return [type(error).__name__, error.error, error.description]
    return []


if __name__ == "__main__":
    wanted = told()
    (end if "callback" in wanted else begin)(wanted)
