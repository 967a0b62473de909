"""id_tokens: made for clients, and known again as hints (OpenID Connect Core §2, §3.1.2.1)."""

from typing import Any

import msgspec

from lingpai.core.issuer_records import App
from lingpai.issuer import jose
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.policy import ACR, AMR, ID_TOKEN, OPENID
from lingpai.issuer.dialects.oidc.users import claims_of
from lingpai.issuer.sign_ins import read_sign_in
from lingpai.issuer.signing_keys import FORGOTTEN, SigningKeys
from lingpai.issuer.tokens import Tokens


class Hint(msgspec.Struct, frozen=True):
    """Content of an id_token that a client sends back (OpenID Connect Core §3.1.2.1, RP-Initiated Logout 1.0 §2)."""

    iss: str
    aud: str
    sub: str
    iat: int
    sid: str = ""


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
        issuer = self._issuer
        now, ahead = issuer.now_and_ahead()
        claims: dict[str, Any] = {
            "iss": self._url,
            "sub": tokens.open_id,
            "aud": app.app_id,
            "exp": now + ahead + ID_TOKEN,
            "iat": now + ahead,
            "auth_time": sign_in.auth_time + ahead,
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
        hint = await self.read_hint(token)
        return None if hint is None or hint.aud != app.app_id else hint.sub

    async def read_hint(self, token: str) -> Hint | None:
        """An id_token of this realm that came back as a hint, whether it has expired or not; None for anything else.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        found = jose.read_own(token, (await self._keys.current()).signers)
        try:
            hint = msgspec.convert(found, Hint)
        except msgspec.ValidationError:
            return None
        age = self._issuer.wall(self._issuer.now()) - hint.iat
        return hint if hint.iss == self._url and age <= FORGOTTEN else None
