"""id_tokens: made for clients, and known again as hints (OpenID Connect Core §2, §3.1.2.1)."""

from typing import Any

from lingpai.core.issuer_records import App
from lingpai.issuer import jose
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.policy import ACR, AMR, ID_TOKEN, OPENID
from lingpai.issuer.dialects.oidc.users import claims_of
from lingpai.issuer.sign_ins import read_sign_in
from lingpai.issuer.signing_keys import SigningKeys
from lingpai.issuer.tokens import Tokens


class IdTokens:
    """The id_tokens of one realm.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        keys: its signing keys.
    """

    def __init__(self, issuer: Issuer, url: str, keys: SigningKeys) -> None:
        self._issuer = issuer
        self._url = url
        self._keys = keys

    async def make(self, app: App, tokens: Tokens, *, again: bool = False) -> str:
        """The id_token beside these tokens; "" when the user allowed no `openid`.

        Args:
            app: whom it is for.
            tokens: just made.
            again: whether they were refreshed: the nonce was of the first answer (OpenID Connect Core §12.2).

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        words = (tokens.grant.scope or "").split()
        if OPENID not in words:
            return ""
        sign_in = read_sign_in(tokens.grant)
        issuer, now = self._issuer, self._issuer.now()
        claims: dict[str, Any] = {
            "iss": self._url,
            "sub": tokens.open_id,
            "aud": app.app_id,
            "exp": issuer.wall(now + ID_TOKEN),
            "iat": issuer.wall(now),
            "auth_time": issuer.wall(sign_in.auth_time),
            "acr": ACR,
            "amr": AMR,
            "at_hash": jose.at_hash(tokens.access_token),
        }
        if sign_in.nonce and not again:
            claims["nonce"] = sign_in.nonce
        if sign_in.sid:
            claims["sid"] = sign_in.sid
        if sign_in.claims:
            claims |= await claims_of(issuer, tokens.grant.user or 0, sign_in.claims) or {}
        return await self._keys.sign(app.client.id_token_signed_response_alg, claims)

    async def hinted(self, token: str, app: App) -> str | None:
        """The `sub` of an id_token of this client, however old; None for anything else."""
        claims = jose.read_own(token, (await self._keys.current()).signers)
        if claims is None or claims.get("iss") != self._url or claims.get("aud") != app.app_id:
            return None
        sub = claims.get("sub")
        return sub if isinstance(sub, str) else None
