"""The numbers of the dialect `yzb` (docs/spec/yzb.md, "Rules")."""

from lingpai.issuer.policy import DAY, HOUR, MINUTE, Policy, SupersedePolicy, Throttling

SCOPE = "sns_base"
USER_INFO = "user/get_user_base_info"
"""The permission to read a user's name, picture and sex."""

POLICY = Policy(
    code=5 * MINUTE,
    access=2 * HOUR,
    refresh=30 * DAY,
    app_token=2 * HOUR,
    ticket=2 * HOUR,
    replay_window=MINUTE,
    keep=SupersedePolicy(user=None, app=10 * MINUTE, ticket=10 * MINUTE),
    default_scope=SCOPE,
)

CHECKING = Throttling(seconds=MINUTE, pair=100, address=1000)
"""Refused checks that one address may make, for one app and in all: checkCode asks for no secret (threat I80)."""

PAGE_PROOF = 12 * HOUR
"""Seconds for which a page that was verified once may ask for codes, whatever becomes of its ticket."""
