"""The metadata of a realm (OpenID Connect Discovery §3, RFC 8414 §2): only what works."""

from typing import Any, Final

import msgspec

from lingpai.core.wire import Call, Reply
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.authorization_checks import PROMPTS, RESPONSE_MODES
from lingpai.issuer.dialects.oidc.client_policy import CLOSED, ClientPolicy
from lingpai.issuer.dialects.oidc.clients.authentication import CONFIDENTIAL, METHODS
from lingpai.issuer.dialects.oidc.dpop import ALGORITHMS as PROOFS
from lingpai.issuer.dialects.oidc.params import NoParams
from lingpai.issuer.dialects.oidc.policy import ACR, GRANTS, SCOPE_OF, SCOPES
from lingpai.issuer.dialects.oidc.resources import Resources, protected_resource
from lingpai.issuer.dialects.oidc.shape import CORS, JSON
from lingpai.issuer.foreign_jose import ALGORITHMS as FOREIGN
from lingpai.issuer.jose import ALGORITHMS
from lingpai.issuer.signing_keys import SigningKeys

CACHED: Final = ("cache-control", "public, max-age=3600")
ID_TOKEN_CLAIMS: Final = (
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "at_hash",
    "sid",
    "acr",
    "amr",
)


def well_known(prefix: str) -> tuple[str, str, str]:
    """Where the metadata is: by Discovery §4, by RFC 8414 §3.1, and where some clients look second."""
    oidc, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
    return prefix + oidc, oauth + prefix, oidc + prefix


def metadata(url: str, policy: ClientPolicy = CLOSED) -> dict[str, Any]:
    """The metadata of the realm with this issuer identifier, whose clients come in by this policy."""
    registration = {} if policy.registration == "closed" else {"registration_endpoint": url + "/register"}
    return {
        "issuer": url,
        "authorization_endpoint": url + "/authorize",
        "token_endpoint": url + "/token",
        "userinfo_endpoint": url + "/userinfo",
        "jwks_uri": url + "/jwks",
        **registration,
        "scopes_supported": SCOPES,
        "response_types_supported": ("code",),
        "response_modes_supported": RESPONSE_MODES,
        "grant_types_supported": GRANTS,
        "acr_values_supported": (ACR,),
        "subject_types_supported": ("public", "pairwise"),
        "id_token_signing_alg_values_supported": ALGORITHMS,
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": FOREIGN,
        "claim_types_supported": ("normal",),
        "claims_supported": (*ID_TOKEN_CLAIMS, *SCOPE_OF),
        "ui_locales_supported": ("en", "zh-CN"),
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,  # when it is absent it means true
        "revocation_endpoint": url + "/revoke",
        "revocation_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": FOREIGN,
        "introspection_endpoint": url + "/introspect",
        "introspection_endpoint_auth_methods_supported": CONFIDENTIAL,
        "introspection_endpoint_auth_signing_alg_values_supported": FOREIGN,
        "device_authorization_endpoint": url + "/device_authorization",
        "pushed_authorization_request_endpoint": url + "/par",
        "require_pushed_authorization_requests": False,
        "dpop_signing_alg_values_supported": PROOFS,
        "code_challenge_methods_supported": ("S256",),
        "authorization_response_iss_parameter_supported": True,
        "prompt_values_supported": PROMPTS,
        "client_id_metadata_document_supported": policy.documents != "off",
        "end_session_endpoint": url + "/logout",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


class Documents:
    """The documents of one realm.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        keys: its signing keys.
        resources: its resource servers.
        policy: how clients come in that no operator added.
    """

    def __init__(
        self, issuer: Issuer, url: str, keys: SigningKeys, resources: Resources, policy: ClientPolicy
    ) -> None:
        self._issuer = issuer
        self._keys = keys
        self._metadata = _document(metadata(url, policy))
        self._userinfo = _document(protected_resource(resources.userinfo, url))

    async def metadata(self, _params: NoParams, _call: Call) -> Reply:
        """The metadata; the same bytes at every place."""
        return self._metadata

    async def userinfo(self, _params: NoParams, _call: Call) -> Reply:
        """The metadata of the userinfo endpoint as a protected resource (RFC 9728 §3)."""
        return self._userinfo

    async def jwks(self, _params: NoParams, _call: Call) -> Reply:
        """The public halves of the keys that have signed what is still good, or will sign (RFC 7517 §5)."""
        keys = await self._keys.current()
        return Reply(keys.document(self._issuer.now()), 200, JSON, (CACHED, *CORS))


def _document(content: dict[str, Any]) -> Reply:
    return Reply(msgspec.json.encode(content), 200, JSON, (CACHED, *CORS))
