"""`private_key_jwt`: a token that the client signed with its own key (RFC 7523 §2.2, §3; OpenID Connect Core §9)."""

from typing import Final

from typing_extensions import override

from lingpai.core.issuer_records import App
from lingpai.core.signed_tokens import SignedToken, read_compact
from lingpai.core.wire import Call
from lingpai.issuer.app_sources import AppSource, found_by
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.clients.keys import ClientKeys
from lingpai.issuer.dialects.oidc.clients.methods import Caller, Method, Presented, failed
from lingpai.issuer.foreign_jose import ALGORITHMS
from lingpai.issuer.policy import HOUR, MINUTE
from lingpai.issuer.verbs.apps import check_network
from lingpai.issuer.verbs.requests import Once
from lingpai.store.issuer_port import SignedRequest

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FAPI2_ALGORITHMS: Final = tuple(alg for alg in ALGORITHMS if alg != "RS256")
"""FAPI 2.0 Security Profile §5.4.1 leaves out PKCS #1 v1.5."""
LONGEST: Final = HOUR
"""Seconds that an assertion may live at most; some libraries give theirs an hour by default."""
FAPI2_LONGEST: Final = 5 * MINUTE
AHEAD: Final = 10
"""Seconds that the client's clock may be ahead of ours."""


class ByAssertion(Method):
    """A signed assertion in the body.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        keys: the clients' public keys.
        apps: finds clients.
    """

    def __init__(self, issuer: Issuer, url: str, keys: ClientKeys, apps: AppSource) -> None:
        self._apps = apps
        self._issuer = issuer
        self._url = url
        self._keys = keys

    @override
    def came(self, params: Presented, _call: Call) -> bool:
        return params.client_assertion is not None or params.client_assertion_type is not None

    @override
    async def prove(self, params: Presented, call: Call, endpoint: str) -> Caller:
        token = read_compact(params.client_assertion or "")
        if token is None or params.client_assertion_type != TYPE:
            raise failed("The client assertion cannot be read.")
        subject = token.claims.get("sub")
        if (
            not isinstance(subject, str)
            or token.claims.get("iss") != subject
            or params.client_id not in {None, subject}
        ):
            raise failed("The client assertion is of another client.")
        app = await found_by(self._apps, subject, call.peer)
        if app is None or app.disabled or app.public or app.by_secret:
            raise failed("There is no such client, or it authenticates in another way.")
        self._check_alg(app, token)
        if not await self._keys.signed(app, token):
            raise failed("The client assertion is not signed by a key of the client.")
        once = self._check_claims(app, token, endpoint)
        check_network(app, call.peer)
        return Caller(app, (once,))

    def _check_alg(self, app: App, token: SignedToken) -> None:
        allowed = FAPI2_ALGORITHMS if app.client.fapi2 else ALGORITHMS
        own = app.client.token_endpoint_auth_signing_alg
        if token.alg not in allowed or own not in {"", token.alg}:
            raise failed("The client assertion is signed by another algorithm than the client may use.")

    def _check_claims(self, app: App, token: SignedToken, endpoint: str) -> Once:
        """Refuse claims that are not for us and for now; returns by what the assertion counts once."""
        fapi2 = app.client.fapi2
        audience = token.claims.get("aud")
        if isinstance(audience, list) and len(audience) == 1 and not fapi2:
            (audience,) = audience
        ours = {self._url} if fapi2 else {self._url, f"{self._url}/token", endpoint}
        if not isinstance(audience, str) or audience not in ours:
            raise failed("The client assertion is for another server.")
        now = self._issuer.clock.now()
        left = _moment(token, "exp") - now
        if not 0 < left <= (FAPI2_LONGEST if fapi2 else LONGEST) + AHEAD:
            raise failed("The client assertion has expired, or lives too long.")
        if max(_moment(token, "nbf", 0), _moment(token, "iat", 0)) > now + AHEAD:
            raise failed("The client assertion is not valid yet.")
        if token.jti is None:
            raise failed("The client assertion needs a jti.")
        whose = (app.app_id,) if app.documented else ()
        digest = self._issuer.digest_of("assertion", *whose, token.jti)
        request = SignedRequest(app.requests_row, 0, digest, self._issuer.now() + int(left) + 1)
        return Once(request, failed("The client assertion was sent before."))


def _moment(token: SignedToken, claim: str, default: float | None = None) -> float:
    moment = token.moment(claim, default)
    if moment is None:
        raise failed(f"The client assertion has no usable {claim}.")
    return moment
