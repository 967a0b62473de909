"""The sample web app signs users in as any app does that was written for OpenID Connect.

It knows the issuer's address and its own id and secret; all else comes from the metadata. What it gets it verifies.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from lingpai.core import base64url
from lingpai.design.templates import template
from lingpai.issuer.samples import SampleClient

AUTHORIZE: Final = "/authorize"
SCOPE: Final = "openid profile email"
_PACKAGE: Final = "lingpai.issuer.dialects.oidc"
_ALGORITHMS: Final = ["RS256", "ES256"]
_BYTES: Final = 32
_END_SESSION: Final = "end_session_endpoint"


def parameters(client: SampleClient) -> Mapping[str, str]:
    """Begin with a code verifier and a nonce of this browser's own (RFC 7636 §4.1, OpenID Connect Core §3.1.2.1)."""
    verifier, nonce = (base64url.encode(secrets.token_bytes(_BYTES)) for _ in range(2))
    client.notes |= {"verifier": verifier, "nonce": nonce}
    return {
        "scope": SCOPE,
        "nonce": nonce,
        "code_challenge": base64url.encode(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }


async def finish(client: SampleClient, code: str) -> None:
    """Exchange the code, verify the id_token, and read the user."""
    metadata = await client.send(
        "读取元数据 Read the metadata", "/.well-known/openid-configuration", {}, "GET"
    )
    client.notes[_END_SESSION] = metadata.get(_END_SESSION, "")
    if client.notes.get("answer:iss") != metadata["issuer"]:  # RFC 9207 §2.4
        client.show("结果来自其他服务，未使用 The answer is of another server and was not used", {})
        return
    tokens = await _ask(
        client,
        "用授权码换令牌 Exchange the code",
        grant_type="authorization_code",
        code=code,
        redirect_uri=client.redirect_uri,
        code_verifier=client.notes.pop("verifier", ""),
    )
    if await receive(client, tokens, client.notes.pop("nonce", None)):
        client.notes["id_token"] = tokens["id_token"]


async def receive(client: SampleClient, tokens: Mapping[str, Any], nonce: str | None) -> bool:
    """Keep new tokens, verify the id_token, and read the user; return whether all of it is right.

    Args:
        client: of the browser.
        tokens: the answer of the token endpoint.
        nonce: of the authorization request; None where there was none.
    """
    if "access_token" not in tokens or not await verified(client, tokens, nonce):
        return False
    client.refresh_token = tokens.get("refresh_token", "")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    await client.send("读取用户 Read the user", "/userinfo", {}, "GET", bearer)
    return True


async def refresh(client: SampleClient) -> None:
    """Use the refresh token; one that comes back is the next (RFC 6749 §6)."""
    tokens = await _ask(
        client, "刷新令牌 Refresh", grant_type="refresh_token", refresh_token=client.refresh_token
    )
    client.refresh_token = tokens.get("refresh_token", client.refresh_token)
    if "id_token" in tokens:
        await verified(client, tokens, None)


def logout(client: SampleClient) -> str:
    """Where the browser logs out of the issuer too (OpenID Connect RP-Initiated Logout §2)."""
    address, hint = client.notes.get(_END_SESSION, ""), client.notes.get("id_token", "")
    if not address or not hint:
        return ""
    query = {
        "id_token_hint": hint,
        "client_id": client.app_id,
        "post_logout_redirect_uri": client.home,
    }
    return f"{address}?{urlencode(query)}"


def spa(client: SampleClient, script: str) -> str:
    """The page that is a client by itself, in the browser."""
    return template(_PACKAGE, "sample_pages", "spa.html.j2").render(
        issuer=client.url, client_id=client.app_id, redirect_uri=client.redirect_uri, script=script
    )


async def verified(client: SampleClient, tokens: Mapping[str, Any], nonce: str | None) -> bool:
    """Return whether an id_token is right (OpenID Connect Core §3.1.3.7), and show its header and claims."""
    keys = await client.send("读取公钥 Read the public keys", "/jwks", {}, "GET")
    wrong, token = "", None
    from joserfc import jwt  # noqa: PLC0415  2 MiB that a service without the sample app does not need
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import KeySet  # noqa: PLC0415

    try:
        token = jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), algorithms=_ALGORITHMS)
    except (JoseError, ValueError, KeyError):
        wrong = "signature"
    if token is not None:
        wrong = ", ".join(_mistakes(client, token.claims, tokens["access_token"], nonce))
    shown = {} if token is None else {"header": token.header, "claims": token.claims}
    if wrong:
        client.show(f"校验失败（{wrong}） The id_token is wrong ({wrong})", shown)
        return False
    client.show("已校验 id_token The id_token was verified: signature, iss, aud, exp, nonce, at_hash", shown)
    return True


def _mistakes(client: SampleClient, claims: Mapping[str, Any], token: str, nonce: str | None) -> list[str]:
    """Return the names of the claims that are not what this client has to find."""
    digest = hashlib.sha256(token.encode()).digest()
    at_hash = base64url.encode(digest[: len(digest) // 2])
    right = {
        "iss": claims.get("iss") == client.url,
        "aud": claims.get("aud") in (client.app_id, [client.app_id]),
        "exp": isinstance(claims.get("exp"), int) and claims["exp"] > time.time(),
        "nonce": nonce is None or hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()),
        "at_hash": claims.get("at_hash", at_hash) == at_hash,
    }
    return [name for name, fits in right.items() if not fits]


async def _ask(client: SampleClient, title: str, **params: str) -> Any:
    """Ask the token endpoint, with the client's own name and secret (RFC 6749 §2.3.1)."""
    pair = f"{quote(client.app_id, safe='')}:{quote(client.secret, safe='')}"
    basic = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return await client.send(title, "/token", params, headers=basic)
