"""Takes a logout token with idpyoidc, as a client's own server would: signature, issuer, audience, event."""

import json
import urllib.request
from typing import Any

from cryptojwt import KeyJar  # type: ignore[import-not-found] # it is beside the environment
from idpyoidc.message.oidc import verified_claim_name  # type: ignore[import-not-found] # likewise
from idpyoidc.message.oidc.session import BackChannelLogoutRequest  # type: ignore[import-not-found] # likewise

from tests.clients.python.messages import answer, read_wanted


def fetched(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as response:
        found: dict[str, Any] = json.load(response)
    return found


def take(wanted: dict[str, Any]) -> dict[str, Any]:
    issuer = wanted["issuer"]
    metadata = fetched(issuer + "/.well-known/openid-configuration")
    keys = KeyJar()
    keys.import_jwks(fetched(metadata["jwks_uri"]), issuer)
    request = BackChannelLogoutRequest().from_urlencoded(wanted["body"])
    request.verify(iss=issuer, aud=wanted["client_id"], keyjar=keys, allowed_sign_alg=wanted["alg"])
    return dict(request[verified_claim_name("logout_token")])


if __name__ == "__main__":
    answer(**take(read_wanted()))
