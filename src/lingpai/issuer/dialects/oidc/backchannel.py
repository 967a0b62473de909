"""Logout tokens: made for clients, and posted to them (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.5)."""

from typing import Final

from lingpai.core.authorization_records import Logout
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App
from lingpai.issuer import jose
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.policy import LOGOUT_TOKEN
from lingpai.issuer.fetcher import Fetcher
from lingpai.issuer.sign_ins import sid_for
from lingpai.issuer.signing_keys import SigningKeys

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
"""The event that makes a token a logout token; it is a name, and nothing is there."""


class LogoutTokens:
    """The logout tokens of one realm.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        keys: its signing keys.
        fetcher: calls the clients.
    """

    def __init__(self, issuer: Issuer, url: str, keys: SigningKeys, fetcher: Fetcher) -> None:
        self._issuer = issuer
        self._url = url
        self._keys = keys
        self._fetcher = fetcher

    async def send(self, logout: Logout, app: App) -> None:
        """Tell a client that a session has ended; each try has a token of its own.

        Raises:
            FetchError: the client cannot be reached, or does not accept the token.
            LingpaiError: STORE_UNAVAILABLE.
        """
        issuer, now = self._issuer, self._issuer.now()
        claims = {
            "iss": self._url,
            "sub": logout.open_id,
            "aud": app.app_id,
            "iat": issuer.wall(now),
            "exp": issuer.wall(now + LOGOUT_TOKEN),
            "jti": issuer.seal(HandleKind.JTI, logout.id, 0, now, logout.salt),
            "events": {EVENT: {}},
            "sid": sid_for(issuer, logout.sid, app.app_id),
        }
        token = await self._keys.sign(app.client.id_token_signed_response_alg, claims, jose.LOGOUT_TOKEN)
        await self._fetcher.post(app.client.backchannel_logout_uri, {"logout_token": token})
