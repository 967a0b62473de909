"""The numbers of the dialect `oidc`, and the words of its scopes and claims."""

from collections.abc import Mapping
from typing import Final

from lingpai.core.handles import HandleFormat
from lingpai.issuer.policy import DAY, HOUR, MINUTE, Policy, SupersedePolicy

CODE: Final = "authorization_code"
REFRESH: Final = "refresh_token"
MACHINE: Final = "client_credentials"
DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
GRANTS: Final = (CODE, REFRESH, MACHINE, DEVICE)
"""Grant types by the names that an app's `grants` may hold."""

OPENID: Final = "openid"
PROFILE: Final = "profile"
OFFLINE: Final = "offline_access"
CLAIMS: Final[Mapping[str, tuple[str, ...]]] = {
    PROFILE: (
        *(
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
        ),
        *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
"""The claims of each scope (OpenID Connect Core §5.4)."""
SCOPE_OF: Final[Mapping[str, str]] = {name: scope for scope, names in CLAIMS.items() for name in names}
SCOPES: Final = (OPENID, *CLAIMS, OFFLINE)
"""The scopes of an app that has none of its own (OpenID Connect Core §5.4, §11)."""

ACR: Final = "urn:lingpai:acr:password"
"""The class of every login: by a password (OpenID Connect Core §2, `acr`)."""
AMR: Final = ("pwd",)
"""The same by the names of RFC 8176."""
JWT_ACCESS: Final = 15 * MINUTE
"""Seconds that a signed access token lives unless its resource server wants another time: it cannot be called back."""
ID_TOKEN: Final = HOUR
"""Seconds that an id_token lives."""
LOGOUT_TOKEN: Final = 2 * MINUTE
"""Seconds that a logout token lives (OpenID Connect Back-Channel Logout 1.0 §4)."""

POLICY: Final = Policy(
    code=MINUTE,
    access=HOUR,
    refresh=30 * DAY,
    family=365 * DAY,
    app_token=HOUR,
    replay_window=MINUTE,
    replay_grace=0,
    redirect_repeated=False,  # PKCE makes it needless (OAuth 2.1 §4.1.3); `token_endpoint` compares it where it is sent
    keep=SupersedePolicy(user=None, app=HOUR),
    public_clients=True,
    loopback_ports=True,
    shared_open_ids=True,
    code_format=HandleFormat.BASE64URL,
    token_format=HandleFormat.BASE64URL,
)
