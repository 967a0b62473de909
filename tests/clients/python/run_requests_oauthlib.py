"""Signs a user of the mall in with requests-oauthlib, as a web application would: one call begins, another ends."""

import os
from typing import Any

from oauthlib.oauth2 import OAuth2Error  # type: ignore[import-untyped] # it has no types
from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped] # it has no types

from tests.clients.python.tell import answer, told

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the tests' service is on loopback, without TLS


def opened(wanted: dict[str, Any], **more: Any) -> Any:
    return OAuth2Session(wanted["client_id"], redirect_uri=wanted["redirect_uri"], **more)


def begin(wanted: dict[str, Any]) -> None:
    url, state = opened(wanted).authorization_url(wanted["mall"] + "/authorize")
    answer(url=url, state=state)


def end(wanted: dict[str, Any]) -> None:
    mall, secret = wanted["mall"], wanted["client_secret"]
    session = opened(wanted, state=wanted["state"])
    token = dict(exchange(session, wanted, secret))
    open_id = session.get(mall + "/getOpenId").json()
    own = {"client_id": wanted["client_id"], "client_secret": secret}
    refreshed = dict(session.refresh_token(mall + "/refreshToken", **own))
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


def exchange(session: Any, wanted: dict[str, Any], secret: str) -> Any:
    return session.fetch_token(
        wanted["mall"] + "/accessToken",
        authorization_response=wanted["callback"],
        client_secret=secret,
        include_client_id=wanted["in_body"],
        auth=None if wanted["in_body"] else (wanted["client_id"], secret),
    )


def refusal(wanted: dict[str, Any], secret: str) -> list[str]:
    try:
        exchange(opened(wanted, state=wanted["state"]), wanted, secret)
    except OAuth2Error as error:
        return [type(error).__name__, error.error, error.description]
    return []


if __name__ == "__main__":
    wanted = told()
    (end if "callback" in wanted else begin)(wanted)
