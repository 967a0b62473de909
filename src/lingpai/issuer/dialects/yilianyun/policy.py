"""The numbers of the dialect `yilianyun` (docs/spec/yilianyun.md, "Lifetimes"), and its grant types."""

from lingpai.issuer.policy import DAY, HOUR, MINUTE, Daily, OldAccess, Policy, SupersedePolicy

SCOPE = "all"
CODE = "authorization_code"
REFRESH = "refresh_token"
OWN = "client_credentials"
"""Grant types, as an app's `grants` names them."""

POLICY = Policy(
    code=10 * MINUTE,
    access=30 * DAY,
    refresh=35 * DAY,
    app_token=30 * DAY,
    app_token_endless=True,
    app_token_refresh=True,
    replay_window=2 * HOUR,
    old_access=OldAccess.WINDOW,
    keep=SupersedePolicy(user=0, app=0),
    daily=Daily(20),
    default_scope=SCOPE,
    clear_secrets=True,
    qr_key=5 * MINUTE,
    timestamp_tolerance=10 * MINUTE,
    requests_once=True,
    redirect_repeated=False,
)
"""An app has one token per terminal, so a superseded grant ends immediately."""
