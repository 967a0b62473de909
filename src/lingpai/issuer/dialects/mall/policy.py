"""The numbers of the dialect `mall` (docs/spec/mall.md, "Lifetimes"), and what a realm may set."""

import msgspec

from lingpai.core.handles import HandleFormat
from lingpai.issuer.policy import DAY, HOUR, MINUTE, OldAccess, Policy, SupersedePolicy

CODE = "authorization_code"
REFRESH = "refresh_token"
"""Grant types, as an app's `grants` names them."""


def policy(*, access: int = HOUR, default_scope: str | None = None) -> Policy:
    """Return the dialect's policy with the values that a realm may set.

    Args:
        access: lifetime of an access token in seconds; the original documents 3600, and 10 hours in another place.
        default_scope: the scope of a request that names none. None answers `scope: null` as the original does;
            strict clients refuse that, as RFC 6749 §5.1 has no such value.
    """
    return Policy(
        code=30,
        access=access,
        refresh=14 * DAY,
        replay_window=MINUTE,
        old_access=OldAccess.OWN_END,
        replay_ends_grant=True,
        public_clients=True,
        keep=SupersedePolicy(user=None),
        default_scope=default_scope,
        code_format=HandleFormat.UPPER_HEX,
        token_format=HandleFormat.HEX,
    )


POLICY = policy()


class Scopes(msgspec.Struct, frozen=True, kw_only=True):
    """The scopes of a realm; the original has none.

    Attributes:
        offered: words that apps may ask for, besides those of the default scope; an app's own list comes
            before.
        open_id: the word that getOpenId needs, or "".
        user_info: the word that getUserInfo needs, or "".
    """

    offered: tuple[str, ...] = ()
    open_id: str = ""
    user_info: str = ""
