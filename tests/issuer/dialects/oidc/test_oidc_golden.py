"""Golden wire files (docs/how-to/oidc.md): requests in, bytes out."""

import base64
import re
from collections import defaultdict
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Client
from lingpai.issuer import admin
from tests.issuer.dialects.golden import files_beside, replay, steps_of
from tests.issuer.dialects.oidc.realms import CHALLENGE, REDIRECT, SECRET, STATE, VERIFIER, Realm

FILES = files_beside(__file__)
MACHINE = "100004"
"""A client that may have tokens of its own alone."""
_ERROR = re.compile(r'(?:"error":"|[?&]error=)([a-z_]+)')

_CLIENT = {"invalid_client", "invalid_request"}
_ASKED = {
    *(
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "unauthorized_client",
        "unsupported_response_type",
    ),
    *("access_denied", "request_not_supported", "registration_not_supported", "invalid_client"),
}
ERRORS = {
    "/authorize": _ASKED | {"invalid_request_uri", "request_uri_not_supported", "login_required"},
    "/par": _ASKED | {"invalid_dpop_proof"},
    "/token": _CLIENT
    | {
        *(
            "invalid_grant",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_scope",
            "invalid_target",
        ),
        *("invalid_dpop_proof", "authorization_pending", "slow_down", "expired_token"),
    },
    "/userinfo": {"invalid_request", "invalid_token", "insufficient_scope", "invalid_dpop_proof"},
    "/introspect": _CLIENT,
    "/revoke": _CLIENT,
    "/device_authorization": _CLIENT | {"invalid_scope", "invalid_target", "unauthorized_client"},
    "/logout": _CLIENT,
    "/register": {"invalid_client_metadata", "invalid_redirect_uri"},
    "/register/{new_id}": {"invalid_token", "invalid_client_metadata"},
    "/nothing": {"invalid_request"},
}
"""What each endpoint refuses with that a file can show: what needs a session, a signature or a nonce is tested by name
in the modules beside this one."""


def pair(app_id: str, secret: str) -> str:
    return base64.b64encode(f"{app_id}:{secret}".encode()).decode()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_wire(realm: Realm, path: Path, clock: VirtualClock) -> None:
    await realm.change_app(client=Client(post_logout_redirect_uris=("https://client.example/bye",)))
    machine = App(
        realm=realm.issuer.realm, app_id=MACHINE, redirect_uris=(REDIRECT,), grants=("client_credentials",)
    )
    await admin.declare_app(realm.issuer, machine, SECRET)
    known = {
        "app_id": realm.app.app_id,
        "secret": SECRET,
        "basic": pair(realm.app.app_id, SECRET),
        "other_basic": pair(realm.other.app_id, SECRET),
        "wrong_basic": pair(realm.app.app_id, "wrong"),
        "machine_basic": pair(MACHINE, SECRET),
        "state": STATE,
        "challenge": CHALLENGE,
        "verifier": VERIFIER,
        "code": await realm.code(),
        "profile_code": await realm.code(scope="profile"),
    }
    await replay(path, realm, known, clock)


def test_every_error_of_every_endpoint_has_a_file() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        for step in steps_of(path):
            text = step.answer + "".join(step.answer_headers.values())
            if step.status >= 300:
                found[step.path.partition("?")[0]] |= set(_ERROR.findall(text))
    assert {path: errors for path, errors in found.items() if errors} == ERRORS
