"""Fill a folder with what the cases of the standard protocol spend: ``python -m bench.minting_standard HOME``.

By the public verbs, as `bench.minting` does. The codes are one for each request; other tokens are used again and again,
as a client with a secret may (its refresh tokens do not rotate).
"""

import asyncio
import hashlib
import itertools
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from bench.minting import each, write_bodies
from lingpai.core import base64url
from lingpai.core.issuer_records import App, Client, Resource
from lingpai.core.user_records import User
from lingpai.core.wire import Call
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.realms import Realm, mount
from lingpai.issuer.sign_ins import SignIn, encode_sign_in
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.redeem import redeem
from lingpai.service import open_issuers
from lingpai.settings import load_settings

APPS, USERS = 200, 2000
CODES = 60_000
"""Each is spent once: enough for 20,000 a second, one second to warm up and two at full load."""
SLOW_CODES = 20_000
"""The same for those whose id_token is signed by RS256."""
ROTATED = 40_000
"""Refresh tokens that are spent once each."""
GRANTED = 5_000
RESOURCE = "https://api.example/"
SETTINGS = """\
# Codes live longer than in the protocol, so that those made before the bench are good in its last round.
[realms.oidc]
dialect = "oidc"
policy = { code = 86400, access = 86400 }
"""
_REDIRECT = "https://client.example/callback"
_SIGN_IN = encode_sign_in(SignIn(auth_time=1, nonce="n-0S6_WzA2Mj"))
_ASKED = Asked(scope="openid offline_access", nonce=_SIGN_IN, redirect_uri=_REDIRECT)
_VERIFIER = "bench-" * 8
_PROVEN = msgspec.structs.replace(
    _ASKED,
    challenge=base64url.encode(hashlib.sha256(_VERIFIER.encode()).digest()),
    challenge_method="S256",
)
_REALM = Realm(name="oidc", dialect="oidc", prefix="/oidc")
ORIGIN = "http://127.0.0.1:1"
"""Signed tokens name it, so the service has to have it too, whatever its port."""


async def _fill(issuer: Issuer, home: Path) -> None:
    await issuer.store.save_resource(Resource(realm=issuer.realm, uri=RESOURCE, token_format="jwt"))
    client = Client(pkce=False, id_token_signed_response_alg="ES256")

    async def add_client(number: int, client: Client = client, *, public: bool = False) -> tuple[App, str]:
        app = App(
            realm=issuer.realm,
            app_id=f"{100_000 + number}",
            redirect_uris=(_REDIRECT,),
            client=client,
            public=public,
        )
        return await admin.add_app(issuer, app)

    async def add_user(number: int) -> User:
        return await admin.add_user(issuer, f"bench{number:05d}", "")

    clients, users = await each(add_client, range(APPS)), await each(add_user, range(USERS))
    pairs = ((clients[n % APPS], users[(n + n // APPS) % USERS]) for n in itertools.count())

    async def code(pair: tuple[tuple[App, str], User]) -> dict[str, str]:
        (app, secret), user = pair
        made = (await issue_code(issuer, app, user, _ASKED)).code
        own = {"client_id": app.app_id, "client_secret": secret}
        return {**own, "grant_type": "authorization_code", "redirect_uri": _REDIRECT, "code": made}

    async def granted(pair: tuple[tuple[App, str], User]) -> tuple[dict[str, str], Tokens]:
        (app, secret), user = pair
        made = (await issue_code(issuer, app, user, _PROVEN if app.public else _ASKED)).code
        verifier = _VERIFIER if app.public else None
        tokens = await redeem(issuer, app, made, redirect_uri=_REDIRECT, verifier=verifier)
        return {"client_id": app.app_id} | ({"client_secret": secret} if secret else {}), tokens

    def renewing(pair: tuple[dict[str, str], Tokens]) -> dict[str, str]:
        own, tokens = pair
        return {**own, "grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""}

    known = await each(granted, itertools.islice(pairs, GRANTED))
    write_bodies(home, "userinfo", ({"access_token": tokens.access_token} for _, tokens in known))
    write_bodies(home, "refresh, by secret", map(renewing, known))
    public = await add_client(APPS, public=True)
    rotating = await each(granted, ((public, users[n % USERS]) for n in range(ROTATED)))
    write_bodies(home, "refresh, public client", map(renewing, rotating))
    asking = [{"client_id": app.app_id, "client_secret": secret} for app, secret in clients]
    own_tokens = await each(lambda pair: issue_app_token(issuer, pair[0]), clients)
    write_bodies(
        home,
        "introspection",
        (own | {"token": tokens.access_token} for own, tokens in zip(asking, own_tokens, strict=True)),
    )
    machine = [own | {"grant_type": "client_credentials"} for own in asking]
    write_bodies(home, "client_credentials", machine)
    write_bodies(home, "client_credentials, JWT", (own | {"resource": RESOURCE} for own in machine))
    write_bodies(home, "client_credentials, DPoP", machine)
    own_jwts = [await _signed_token(issuer, body) for body in machine]
    write_bodies(
        home,
        "introspection, JWT",
        (own | {"token": token} for own, token in zip(asking, own_jwts, strict=True)),
    )
    pushed = {
        "response_type": "code",
        "redirect_uri": _REDIRECT,
        "scope": "openid",
        "state": "af0ifjsldkj",
        "nonce": "n-0S6_WzA2Mj",
    }
    write_bodies(home, "pushed authorization request", (own | pushed for own in asking))
    write_bodies(home, "code for tokens and id_token", await each(code, itertools.islice(pairs, CODES)))
    rsa = await add_client(APPS + 1, Client(pkce=False, id_token_signed_response_alg="RS256"))
    slow = ((rsa, users[n % USERS]) for n in range(SLOW_CODES))
    write_bodies(home, "code for tokens and id_token, RS256", await each(code, slow))


async def _signed_token(issuer: Issuer, body: dict[str, str]) -> str:
    """A client's own token for the resource server, by the route itself: it is signed there."""
    route = next(each for each in mount(_REALM, issuer, ORIGIN).routes if each.path == "/oidc/token")
    asked = msgspec.convert({**body, "resource": [RESOURCE]}, route.params)
    made: Any = await route.verb(asked, Call("bench", "127.0.0.1"))
    return str(made.access_token)


async def fill(home: Path) -> None:
    """Make the data folder in ``home``, whose ``lingpai.toml`` says what is served, and the requests beside it."""
    os.chdir(home)  # settings are read from where a service starts
    async with open_issuers(load_settings(data=home / "data")) as issuers:
        await _fill(issuers["oidc"], home)


if __name__ == "__main__":
    asyncio.run(fill(Path(sys.argv[1])))
